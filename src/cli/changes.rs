//! `onward changes`: how findings of a running service changed, when and why.
//!
//! Come here for how a change is printed. What counts as one is decided in `model`, why there was one in `screening`.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use super::arguments::ServerArguments;
use super::calls;
use super::exit::{Failure, Outcome};
use super::review::{MILLIS_PER_DAY, day, time};
use super::summary::{grouped, grouped_count, plain, score};
use crate::model::{
    Day, DocumentKey, Evidence, FindingChange, FindingDifference, FindingFacts, IndicatorOutcome, LinkDifference,
    LinkFacts, NamedCause, OrderKey, RecordName, RejectedAlternative, Sides, Unit,
};

/// Which changes, of which service.
#[derive(clap::Args, Debug)]
pub(super) struct ChangesArguments {
    /// Number of the order; without it all that changed
    #[arg(value_name = "ORDER_ID")]
    pub(super) order_id: Option<String>,
    /// Line of the order
    #[arg(value_name = "LINE", default_value_t = 1, requires = "order_id")]
    pub(super) line_no: u32,
    /// Only what changed on this day or later, in UTC
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(super) since: Option<Day>,
    #[command(flatten)]
    pub(super) server: ServerArguments,
}

/// Prints the changes, the oldest first, page by page.
pub(super) fn run(arguments: &ChangesArguments) -> Result<Outcome, Failure> {
    let ChangesArguments { order_id, line_no, since, server } = arguments;
    let order = order_id.as_ref().map(|order_id| OrderKey { order_id: order_id.clone(), line_no: *line_no });
    let start_millis = since.map_or(0, |day| u64::try_from(day.number()).unwrap_or(0) * MILLIS_PER_DAY);
    calls::runtime()?.block_on(async {
        let client = calls::connect(server).await?;
        let (mut page_token, mut count) = (String::new(), 0);
        loop {
            let page = client.finding_changes(order.as_ref(), start_millis, 0, page_token).await;
            let Some((changes, next)) = page.map_err(|error| calls::failed(&server.server, error))? else {
                return Err(absent(server, order.as_ref()));
            };
            count += changes.len() as u64;
            let text: String = changes.iter().map(change_text).collect();
            io::stdout().write_all(text.as_bytes()).map_err(Failure::stdout)?;
            if next.is_empty() {
                let text = format!("{} {}\n", grouped_count(count), if count == 1 { "change" } else { "changes" });
                io::stdout().write_all(text.as_bytes()).map_err(Failure::stdout)?;
                return Ok(Outcome::Done);
            }
            page_token = next;
        }
    })
}

fn absent(server: &ServerArguments, order: Option<&OrderKey>) -> Failure {
    let named = order.map(|OrderKey { order_id, line_no }| format!(" on order {order_id}, line {line_no}"));
    Failure::Unreadable(format!("{}: there is no finding{}", server.server, named.unwrap_or_default()))
}

fn change_text(change: &FindingChange) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write_change(&mut text, change);
    text
}

fn write_change(text: &mut String, change: &FindingChange) -> std::fmt::Result {
    let when = change.judged_at_millis.map_or_else(|| "at a time not recorded".to_owned(), time);
    let FindingDifference { before, after, links, rejected, indicators } = &change.difference;
    writeln!(text, "{}, revision {}, {when}", order_name(&change.order), change.revision)?;
    writeln!(text, "  because: {}", causes(change))?;
    match before {
        Some(before) => write_facts(text, before, after, change)?,
        None => writeln!(text, "  first finding: score {}, {}", score(after.score), plain(&after.summary))?,
    }
    for link in links {
        write_link(text, link)?;
    }
    for sides in rejected {
        let Some(either) = sides.any() else { continue };
        writeln!(text, "  other explanation of {}: {}", paper_name(&either.onward), told(sides, alternative))?;
    }
    for sides in indicators {
        let Some(either) = sides.any() else { continue };
        let flag = told(sides, |flag| format!("{} ({})", outcome_word(flag.outcome), plain(&flag.detail)));
        writeln!(text, "  red flag {}: {flag}", plain(&either.indicator))?;
    }
    Ok(())
}

/// How one fact of a finding is told.
type Telling<'a> = &'a dyn Fn(&FindingFacts) -> String;

fn write_facts(
    text: &mut String,
    before: &FindingFacts,
    after: &FindingFacts,
    change: &FindingChange,
) -> std::fmt::Result {
    let quantity = |facts: &FindingFacts| {
        let [most, low, high] = [facts.attributed, facts.attributed_low, facts.attributed_high].map(|q| grouped(q, 3));
        format!("{most} {} (at least {low}, at most {high})", facts.unit.code())
    };
    let engine = |facts: &FindingFacts| format!("engine {}, policy {}", facts.engine_version, facts.policy_version);
    let limits = |facts: &FindingFacts| match facts.limits_reached.is_empty() {
        true => "none".to_owned(),
        false => plain(&facts.limits_reached.join("; ")),
    };
    let rows: [(&str, Telling<'_>); 8] = [
        ("score", &|facts| score(facts.score)),
        ("level", &|facts| facts.level.as_str().to_owned()),
        ("kind", &|facts| facts.kind.as_str().to_owned()),
        ("went on", &quantity),
        ("priority", &|facts| grouped(facts.priority, 2)),
        ("summary", &|facts| plain(&facts.summary)),
        ("limits reached", &limits),
        ("judged by", &engine),
    ];
    for (what, tell) in rows {
        let (old, new) = (tell(before), tell(after));
        if old != new {
            writeln!(text, "  {what}: {old} -> {new}")?;
        }
    }
    let FindingDifference { links, rejected, indicators, .. } = &change.difference;
    let same_conclusion = FindingFacts { case_hash: after.case_hash, ..before.clone() };
    if same_conclusion == *after && links.is_empty() && rejected.is_empty() && indicators.is_empty() {
        writeln!(text, "  the conclusion is the same; its case holds something else that weighed nothing")?;
    }
    Ok(())
}

fn write_link(text: &mut String, change: &LinkDifference) -> std::fmt::Result {
    let LinkDifference { link, facts, evidence } = change;
    let unit = link.unit;
    let through: String = link.path.iter().map(|paper| format!(", through {}", paper_name(paper))).collect();
    let (onward, consignee) = (paper_name(&link.onward), plain(&link.onward_consignee));
    writeln!(text, "  link on {onward} of {} to {consignee}{through}", link.onward_date)?;
    writeln!(text, "    {}", told(facts, |facts| link_facts(facts, unit)))?;
    for sides in evidence {
        writeln!(text, "    - {}", told(sides, |row: &Evidence| plain(&row.sentence())))?;
    }
    Ok(())
}

fn link_facts(facts: &LinkFacts, unit: Unit) -> String {
    format!("{} {} with probability {}", grouped(facts.quantity, 3), unit.code(), score(facts.probability))
}

fn alternative(row: &RejectedAlternative) -> String {
    let instead = row.instead.as_ref().map_or_else(|| "goods of another seller".to_owned(), order_name);
    format!("{instead}, {}, {} bits against this one", grouped(row.quantity, 3), row.bits_ahead)
}

/// Both sides, or the one that is there.
fn told<T>(sides: &Sides<T>, tell: impl Fn(&T) -> String) -> String {
    match (&sides.before, &sides.after) {
        (Some(before), Some(after)) => format!("{} -> {}", tell(before), tell(after)),
        (None, Some(after)) => format!("new: {}", tell(after)),
        (Some(before), None) => format!("gone: {}", tell(before)),
        (None, None) => String::new(),
    }
}

fn causes(change: &FindingChange) -> String {
    if change.causes.is_empty() {
        return "the cause was not recorded".to_owned();
    }
    let named: Vec<String> = change.causes.iter().map(cause).collect();
    let more = if change.has_more_causes { ", and further records" } else { "" };
    format!("{}{more}", named.join("; "))
}

fn cause(cause: &NamedCause) -> String {
    use crate::model::CauseKind;
    let sentence = match cause.kind {
        CauseKind::OrderLine => "an order line came",
        CauseKind::ShipmentLine => "a shipment line came",
        CauseKind::Company => "a company row came",
        CauseKind::Identity => "a name stands for other firms than before",
        CauseKind::ArrivalDays => "arrivals are held for other days",
        CauseKind::BuyersRecord => "what the tenant's orders of this buyer say changed",
        CauseKind::TenantsRecord => "what the tenant's orders say together changed",
        CauseKind::OtherHoldings => "other holdings changed",
        CauseKind::Start => "the service was started and judged everything anew",
    };
    match &cause.record {
        Some(record) => format!("{sentence}: {}", record_name(record)),
        None => sentence.to_owned(),
    }
}

fn record_name(record: &RecordName) -> String {
    match record {
        RecordName::Order(key) => order_name(key),
        RecordName::Shipment(key) => paper_name(key),
        RecordName::Company(country, identifier) => {
            let country = country.map(|country| format!("{country} ")).unwrap_or_default();
            format!("company {country}{}", plain(identifier))
        }
    }
}

fn order_name(key: &OrderKey) -> String {
    format!("{} line {}", plain(&key.order_id), key.line_no)
}

fn paper_name(key: &DocumentKey) -> String {
    let feed = if key.feed.is_empty() { String::new() } else { format!(" of {}", plain(&key.feed)) };
    format!("{} {} line {}{feed}", key.kind.as_str(), plain(&key.number), key.line_no)
}

fn outcome_word(outcome: IndicatorOutcome) -> &'static str {
    match outcome {
        IndicatorOutcome::Raised => "up",
        IndicatorOutcome::Clear => "down",
        IndicatorOutcome::NotComputable => "not computable",
    }
}

#[cfg(test)]
mod tests {
    use super::change_text;
    use crate::model::{
        Amount, CauseKind, DocumentKey, DocumentKind, Finding, FindingChange, FindingDifference, FindingKind,
        IndicatorOutcome, IndicatorResult, Level, NamedCause, OrderKey, Probability, RecordName, Unit,
    };

    fn finding(percent: u32) -> Finding {
        let outcome = if percent > 50 { IndicatorOutcome::Raised } else { IndicatorOutcome::Clear };
        Finding {
            tenant: "acme".to_owned(),
            order: OrderKey { order_id: "A-1".to_owned(), line_no: 2 },
            score: Probability::from_f64(f64::from(percent) / 100.0),
            level: if percent > 50 { Level::High } else { Level::Low },
            priority: Amount::from_whole(7),
            attributed: Amount::from_whole(i64::from(percent)),
            attributed_low: Amount::ZERO,
            attributed_high: Amount::from_whole(100),
            unit: Unit::Piece,
            kind: FindingKind::OnwardShipment,
            links: Vec::new(),
            rejected: Vec::new(),
            indicators: vec![IndicatorResult {
                indicator: "new_buyer".to_owned(),
                outcome,
                detail: "12 days".to_owned(),
            }],
            summary: "the same".to_owned(),
            limits_reached: Vec::new(),
            engine_version: "1".to_owned(),
            policy_version: "2".to_owned(),
            case_hash: [percent as u8; 32],
        }
    }

    fn change(before: Option<&Finding>, after: &Finding, causes: Vec<NamedCause>) -> FindingChange {
        FindingChange {
            order: after.order.clone(),
            revision: 2,
            place: 9,
            judged_at_millis: (!causes.is_empty()).then_some(1_700_000_000_000),
            has_more_causes: causes.len() > 1,
            causes,
            difference: FindingDifference::between(before, after),
        }
    }

    #[test]
    fn a_change_is_told_with_both_sides_and_its_causes() {
        let paper = DocumentKey {
            number: "D-7".to_owned(),
            line_no: 1,
            kind: DocumentKind::RuDeclaration,
            feed: "customs".to_owned(),
        };
        let causes = vec![
            NamedCause { kind: CauseKind::ShipmentLine, record: Some(RecordName::Shipment(paper)) },
            NamedCause { kind: CauseKind::OtherHoldings, record: None },
        ];
        let text = change_text(&change(Some(&finding(30)), &finding(70), causes));
        let expected = "\
A-1 line 2, revision 2, 2023-11-14T22:13:20Z
  because: a shipment line came: ru_declaration D-7 line 1 of customs; other holdings changed, and further records
  score: 0.30 -> 0.70
  level: low -> high
  went on: 30 PCE (at least 0, at most 100) -> 70 PCE (at least 0, at most 100)
  red flag new_buyer: down (12 days) -> up (12 days)
";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_was_not_recorded_is_said_to_be_so() {
        let after = Finding { case_hash: [1; 32], ..finding(30) };
        let text = change_text(&change(Some(&finding(30)), &after, Vec::new()));
        assert!(text.contains("at a time not recorded") && text.contains("the cause was not recorded"), "{text}");
        assert!(text.contains("the conclusion is the same"), "{text}");
        assert!(change_text(&change(None, &after, Vec::new())).contains("first finding: score 0.30"));
    }
}
