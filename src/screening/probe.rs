//! An order line that is not held, judged beside everything that is: nothing is inserted, nothing is changed.
//!
//! Come here for how an order is screened before it ships. The case that comes of it is the one that would come if the
//! line were stored, with one exception: a buyer spelt in a way that nobody has used before does not count as a witness
//! for itself. What to advise is `advice`.

use std::sync::Arc;

use crate::goods::{self, Brands};
use crate::model::{Case, CaseOrder, Day, Finding, GoodsForm, MentionForm, OrderLine, Probability, ShipmentRole};
use crate::normalize;
use crate::resolve::Scope;

use super::holdings::Holdings;
use super::judge::judge;
use super::record::{EchoOf, Line, between, echo_of_line};
use super::weigh::{OrderFacts, followed_from};

/// Most records in the case of an order line that is screened on demand: whoever asks waits for it.
pub const PROBE_RECORDS_MAX: usize = 100;
/// Most papers of the buyer that are looked at for its record of onward shipments, the latest ones.
const BUYERS_PAPERS_MAX: usize = 300;
/// Most firms that the buyer delivered to whose onward shipments are looked at.
const RECEIVERS_MAX: usize = 10;
/// Most papers of each of them that are looked at, the latest ones.
const RECEIVERS_PAPERS_MAX: usize = 50;
/// Goods whose comparison weighs at least this are alike: more than a heading in common, such as a brand besides.
const ALIKE_BITS_MIN: f64 = 3.0;
/// A firm is looked at as the buyer, or as a receiver, from this share of the mention on.
const FIRM_SHARE_MIN: f64 = 0.5;

/// An order line in question, folded and resolved.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub tenant: String,
    /// Of a tenant with nothing held: the number that it would get.
    pub tenant_id: u32,
    pub base: CaseOrder,
    /// What the first look at it found.
    pub echo: EchoOf,
    /// Entities that the buyer may stand for. Numbers beyond those held stand for `newcomers`.
    pub shares: Vec<(u32, Probability)>,
    newcomers: Vec<String>,
}

/// What an order line in question meets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Screening {
    /// The finding that it would get, and what is known besides.
    Judged(Box<Prospect>),
    /// Another order line of this name is held.
    Conflict,
}

/// What is known of an order line in question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prospect {
    /// The finding that it would get.
    pub finding: Finding,
    /// How many other order lines of the tenant the buyer has, and how many of them, in millionths, have an onward
    /// shipment like them.
    pub record: (u32, u64),
    /// What the buyer itself sent on.
    pub own: OnwardRecord,
    /// What the firms that the buyer delivered to sent on.
    pub related: OnwardRecord,
    /// How many such firms sent something on.
    pub related_firm_count: u32,
}

/// Onward shipment lines of a firm, or of several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OnwardRecord {
    /// How many.
    pub line_count: u32,
    /// How many of goods that may be those of the order line.
    pub alike_count: u32,
    /// The last of them.
    pub latest: Option<Day>,
}

impl Probe {
    /// The likeliest entity; the entity key decides between equals.
    pub(super) fn best(&self, holdings: &Holdings) -> Option<u32> {
        let key = |entity: u32| match holdings.entities.get(entity as usize) {
            Some(held) => held.key.as_str(),
            None => self.newcomer(holdings, entity),
        };
        let best =
            self.shares.iter().max_by(|left, right| left.1.cmp(&right.1).then_with(|| key(right.0).cmp(key(left.0))));
        best.map(|(entity, _)| *entity)
    }

    /// The name of an entity that is not held.
    pub(super) fn newcomer(&self, holdings: &Holdings, entity: u32) -> &str {
        let place = (entity as usize).checked_sub(holdings.entities.len());
        place.and_then(|place| self.newcomers.get(place)).map_or("", String::as_str)
    }
}

impl Holdings {
    /// Judges an order line of a tenant beside everything held, whether it is held itself or not, in a case of at most
    /// [`PROBE_RECORDS_MAX`] records.
    pub fn screen(&self, tenant: &str, line: &OrderLine) -> Screening {
        self.screen_within(tenant, line, PROBE_RECORDS_MAX)
    }

    /// The same with another limit.
    pub fn screen_within(&self, tenant: &str, line: &OrderLine, limit: usize) -> Screening {
        let probe = self.probe(tenant, line);
        let held = self.held_order(probe.tenant_id, &line.key);
        if held.is_some_and(|order| self.pool.order(&self.orders[order as usize].row) != *line) {
            return Screening::Conflict;
        }
        // What is not settled yet is tied to nothing: it is judged like one that is not held.
        let settled = held.filter(|order| !self.unsettled.orders.contains(order));
        let case = match settled {
            Some(order) => self.case(&self.cut_around_within(order, limit)),
            None => self.case_with(&self.cut_around_probe(&probe, limit), Some(&probe)),
        };
        let found = judge(&case, &self.policy).into_iter().find(|finding| finding.order == line.key);
        match found {
            Some(finding) => Screening::Judged(Box::new(self.prospect(&probe, &case, finding))),
            // Each order line of a case has its finding.
            None => Screening::Conflict,
        }
    }

    fn probe(&self, tenant: &str, line: &OrderLine) -> Probe {
        let tenant_id = self.tenant(tenant).unwrap_or(self.tenants.len() as u32);
        let form = normalize::mention(&line.buyer);
        let (shares, newcomers) = self.shares_of(&form, Scope(tenant_id + 1));
        let mut base = CaseOrder {
            line: Arc::new(line.clone()),
            goods: Arc::new(folded_goods(line)),
            buyer: Arc::default(),
            echo: Probability::ZERO,
            value_euro: self.euro(line.value, &line.currency, line.order_date),
            arrival_due: false,
        };
        let facts = OrderFacts::of(&base);
        let echo = echo_of_line(self, Line { tenant: tenant_id, facts, goods: &base.goods, shares: &shares });
        (base.echo, base.arrival_due) = (echo.probability, echo.arrival_due);
        Probe { tenant: tenant.to_owned(), tenant_id, base, echo, shares, newcomers }
    }

    /// Entities that a mention may stand for; those that no record held names get numbers beyond the held ones.
    fn shares_of(&self, form: &MentionForm, scope: Scope) -> (Vec<(u32, Probability)>, Vec<String>) {
        let (mut shares, mut newcomers) = (Vec::new(), Vec::new());
        for candidate in self.directory.resolve(form, scope).candidates {
            if candidate.probability.to_f64() < self.policy.share_min {
                continue;
            }
            let entity = self.entity_ids.get(&candidate.entity).copied().unwrap_or_else(|| {
                newcomers.push(candidate.entity.clone());
                (self.entities.len() + newcomers.len() - 1) as u32
            });
            shares.push((entity, candidate.probability));
        }
        (shares, newcomers)
    }

    fn prospect(&self, probe: &Probe, case: &Case, finding: Finding) -> Prospect {
        let mut prospect = Prospect {
            finding,
            record: (0, 0),
            own: OnwardRecord::default(),
            related: OnwardRecord::default(),
            related_firm_count: 0,
        };
        let Some(buyer) = probe.best(self).filter(|buyer| self.is_likely(&probe.shares, *buyer)) else {
            return prospect;
        };
        let key = self.entities.get(buyer as usize).map_or_else(|| probe.newcomer(self, buyer), |held| &held.key);
        if let Some(view) = case.entities.iter().find(|view| view.key == key) {
            let own_echo = u64::from(probe.base.echo.millionths());
            prospect.record =
                (view.order_line_count.saturating_sub(1), view.echoed_millionths.saturating_sub(own_echo));
        }
        let mut receivers: Vec<u32> = Vec::new();
        for paper in self.latest_papers(probe, buyer, BUYERS_PAPERS_MAX) {
            let held = &self.shipments[paper as usize];
            match held.role {
                ShipmentRole::Onward => prospect.own.add(probe, held.row.date, &held.goods, &self.brands),
                _ => receivers.extend(held.consignee.and_then(|mention| self.best_share(mention)).and_then(
                    |(entity, share)| (share.to_f64() >= FIRM_SHARE_MIN && entity != buyer).then_some(entity),
                )),
            }
        }
        receivers.sort_by_key(|entity| &self.entities[*entity as usize].key);
        receivers.dedup();
        for receiver in receivers.into_iter().take(RECEIVERS_MAX) {
            let before = prospect.related.line_count;
            for paper in self.latest_papers(probe, receiver, RECEIVERS_PAPERS_MAX) {
                let held = &self.shipments[paper as usize];
                if held.role == ShipmentRole::Onward {
                    prospect.related.add(probe, held.row.date, &held.goods, &self.brands);
                }
            }
            prospect.related_firm_count += u32::from(prospect.related.line_count > before);
        }
        prospect
    }

    fn is_likely(&self, shares: &[(u32, Probability)], entity: u32) -> bool {
        shares.iter().any(|(held, share)| *held == entity && share.to_f64() >= FIRM_SHARE_MIN)
    }

    /// The latest papers that a firm sent around the time of an order line, as far as its tenant may see them.
    fn latest_papers(&self, probe: &Probe, entity: u32, limit: usize) -> impl Iterator<Item = u32> {
        let days = self.policy.days_after_order_max;
        let date = followed_from(&OrderFacts::of(&probe.base));
        let sent = self
            .entities
            .get(entity as usize)
            .map_or(&[][..], |held| between(&held.sent, date.plus_days(-days), date.plus_days(days)));
        let papers = sent.iter().rev().take(limit).map(|(_, paper)| *paper);
        let visible = papers.filter(|paper| self.shipments[*paper as usize].is_visible_to(probe.tenant_id));
        visible.collect::<Vec<u32>>().into_iter()
    }
}

fn folded_goods(line: &OrderLine) -> GoodsForm {
    normalize::goods(
        line.hs_code.as_ref(),
        &line.description,
        &line.brand,
        &line.part_number,
        &line.gtin,
        &line.serial_numbers,
        &line.lot_numbers,
    )
}

impl OnwardRecord {
    fn add(&mut self, probe: &Probe, date: Day, goods: &GoodsForm, brands: &Brands) {
        self.line_count += 1;
        let is_alike = goods::may_match(&probe.base.goods, goods)
            && goods::bits(&probe.base.goods, goods, brands).to_f64() >= ALIKE_BITS_MIN;
        self.alike_count += u32::from(is_alike);
        self.latest = self.latest.max(Some(date));
    }
}
