//! `onward review`: working on the alerts of a running service.
//!
//! Come here for how an alert and its history are printed. What may be done with an alert is decided by the service;
//! docs/alerts.md has the ways.

use std::io::{self, Write};

use clap::{Subcommand, ValueEnum};

use super::arguments::ServerArguments;
use super::calls;
use super::exit::{Failure, Outcome};
use super::summary::{grouped, plain, score};
use crate::api::Client;
use crate::model::{
    Alert, AlertEvent, AlertId, AlertSettings, AlertState, Day, ReviewAct, ReviewDecision, ReviewReason, ReviewStep,
};

pub(super) const MILLIS_PER_DAY: u64 = 24 * 3600 * 1000;

/// What to do with which alert.
#[derive(clap::Args, Debug)]
pub(super) struct ReviewArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    #[command(subcommand)]
    pub(super) command: ReviewCommand,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(super) enum ReviewCommand {
    /// List alerts, the oldest first
    List {
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<State>,
    },
    /// Show an alert and everything that happened to it
    Show {
        /// Number of the alert
        #[arg(value_name = "ALERT")]
        alert: u64,
    },
    /// Record what was decided
    Decide {
        /// Number of the alert
        #[arg(value_name = "ALERT")]
        alert: u64,
        /// What was decided; `comment` leaves the state as it is
        #[arg(value_enum)]
        decision: Decision,
        /// Why; needed to confirm or dismiss
        #[arg(long, value_enum)]
        reason: Option<Reason>,
        /// Why, in words
        #[arg(long, value_name = "TEXT", default_value = "")]
        comment: String,
        /// Who looks into it from now on; an empty text means nobody
        #[arg(long, value_name = "NAME")]
        assignee: Option<String>,
        #[command(flatten)]
        person: PersonArguments,
    },
    /// Silence an alert until a day, or until its evidence changes materially
    Suppress {
        /// Number of the alert
        #[arg(value_name = "ALERT")]
        alert: u64,
        /// Last day of the silence, in UTC
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
        until: Day,
        /// Why, in words
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        person: PersonArguments,
    },
    /// Show or set how alerts are worked on
    Settings {
        /// Whether confirming and dismissing take two persons
        #[arg(long, value_name = "BOOL")]
        four_eyes: Option<bool>,
    },
}

/// Who acts, having seen what.
#[derive(clap::Args, Debug)]
pub(super) struct PersonArguments {
    /// Who acts
    #[arg(long, value_name = "NAME", env = "ONWARD_ACTOR")]
    pub(super) actor: String,
    /// The alert as it was seen, by its etag; without it, as it is now
    #[arg(long, value_name = "ETAG")]
    pub(super) etag: Option<u32>,
}

/// Words of the command line for words of the model.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $model:ident, $($(#[$word_meta:meta])* $word:ident),*) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
        pub(super) enum $name {
            $($(#[$word_meta])* $word,)*
        }

        impl From<$name> for $model {
            fn from(word: $name) -> Self {
                match word { $($name::$word => Self::$word,)* }
            }
        }
    };
}

words!(
    /// Where an alert stands.
    State, AlertState,
    /// Nobody has decided
    Open,
    /// The finding fell below the threshold
    Closed,
    /// Somebody looks into it
    InReview,
    /// Somebody with more say must look
    Escalated,
    /// The goods went on
    Confirmed,
    /// They did not, or it does not matter
    Dismissed,
    /// Silenced
    Suppressed
);
words!(
    /// What a person decides.
    Decision, ReviewDecision,
    /// Nobody looks into it any more; a silence ends
    Open,
    /// Somebody looks into it
    InReview,
    /// Somebody with more say must look
    Escalated,
    /// The goods went on
    Confirmed,
    /// They did not, or it does not matter
    Dismissed,
    /// Nothing yet
    Comment
);
words!(
    /// Why.
    Reason, ReviewReason,
    /// The goods went on, as suspected
    GoodsWentOn,
    /// The papers are about other goods
    OtherGoods,
    /// The papers are about another firm
    OtherParty,
    /// Another supply explains the onward shipment
    OtherSupply,
    /// A licence or exemption covers it
    Licensed,
    /// A record is wrong
    RecordWrong,
    /// Something else; the comment says what
    Other
);

/// Does one thing with alerts, and prints how they stand then.
pub(super) fn run(arguments: &ReviewArguments) -> Result<Outcome, Failure> {
    let text = calls::runtime()?.block_on(answer(arguments))?;
    io::stdout().write_all(text.as_bytes()).map_err(Failure::stdout)?;
    Ok(Outcome::Done)
}

async fn answer(arguments: &ReviewArguments) -> Result<String, Failure> {
    let failed = |error| calls::failed(&arguments.server.server, error);
    let client = calls::connect(&arguments.server).await?;
    match &arguments.command {
        ReviewCommand::List { state } => {
            let alerts = client.alerts_in(state.map(AlertState::from)).await.map_err(failed)?;
            Ok(alerts.iter().map(alert_line).collect())
        }
        ReviewCommand::Show { alert } => {
            let alert = client.alert(AlertId(*alert)).await.map_err(failed)?;
            let events = client.alert_activity(alert.id).await.map_err(failed)?;
            Ok(std::iter::once(alert_text(&alert)).chain(events.iter().map(event_text)).collect())
        }
        ReviewCommand::Decide { alert, decision, reason, comment, assignee, person } => {
            let (decision, reason) = ((*decision).into(), reason.map(ReviewReason::from));
            let step = ReviewStep::Decide { decision, reason, assignee: assignee.clone() };
            let alert = act(&client, *alert, person, comment, step).await.map_err(failed)?;
            Ok(alert_line(&alert))
        }
        ReviewCommand::Suppress { alert, until, reason, person } => {
            let days = u64::try_from(until.number()).unwrap_or(0);
            let step = ReviewStep::Suppress { expires_at_millis: (days + 1) * MILLIS_PER_DAY };
            let alert = act(&client, *alert, person, reason, step).await.map_err(failed)?;
            Ok(alert_line(&alert))
        }
        ReviewCommand::Settings { four_eyes } => {
            if let Some(four_eyes) = *four_eyes {
                client.set_alert_settings(AlertSettings { four_eyes }).await.map_err(failed)?;
            }
            let settings = client.alert_settings().await.map_err(failed)?;
            Ok(format!("four eyes: {}\n", settings.four_eyes))
        }
    }
}

async fn act(
    client: &Client,
    alert: u64,
    person: &PersonArguments,
    comment: &str,
    step: ReviewStep,
) -> Result<Alert, crate::api::ClientError> {
    let id = AlertId(alert);
    let revision = match person.etag {
        Some(revision) => revision,
        None => client.alert(id).await?.revision,
    };
    let act = ReviewAct { revision, actor: person.actor.clone(), comment: comment.to_owned(), step };
    client.review(id, "", act).await
}

pub(super) fn day(text: &str) -> Result<Day, String> {
    Day::parse_iso(text).ok_or_else(|| "expected a day such as 2027-01-31".to_owned())
}

fn alert_line(alert: &Alert) -> String {
    let assignee = if alert.assignee.is_empty() { String::new() } else { format!(", {}", plain(&alert.assignee)) };
    format!(
        "alert {} {:<10} {:<6} score {}  {} line {}, {} {}{assignee}: {}\n",
        alert.id,
        alert.state.as_str(),
        alert.level.as_str(),
        score(alert.score),
        plain(&alert.order.order_id),
        alert.order.line_no,
        grouped(alert.attributed, 3),
        alert.unit.code(),
        plain(&alert.summary)
    )
}

fn alert_text(alert: &Alert) -> String {
    let mut text = format!("{}  etag {}\n", alert_line(alert), alert.revision);
    if let Some(proposal) = &alert.proposal {
        let (decision, actor) = (proposal.decision.as_str(), plain(&proposal.actor));
        text += &format!("  {decision} is proposed by {actor}: another person must agree\n");
    }
    if let Some(suppression) = &alert.suppression {
        let (actor, until) = (plain(&suppression.actor), time(suppression.expires_at_millis));
        text += &format!("  silenced by {actor} until {until}: {}\n", plain(&suppression.reason));
    }
    text
}

fn event_text(event: &AlertEvent) -> String {
    let mut text = format!("  {} {}", time(event.at_millis), event.kind.as_str());
    if let Some(act) = &event.act {
        text += &format!(" by {}", plain(&act.actor));
        if let Some(reason) = act.reason {
            text += &format!(", {}", reason.as_str());
        }
        if !act.comment.is_empty() {
            text += &format!(": {}", plain(&act.comment));
        }
    }
    text.push('\n');
    for change in &event.changes {
        let shown = |side: &str| if side.is_empty() { "nothing".to_owned() } else { plain(side) };
        let (before, after) = (shown(&change.before), shown(&change.after));
        text += &format!("    {}: {before} -> {after}\n", change.aspect.as_str());
    }
    text
}

/// In UTC, to the second.
pub(super) fn time(millis: u64) -> String {
    let seconds = i64::try_from(millis / 1000).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    seconds.map(|time| time.to_string()).unwrap_or_default()
}
