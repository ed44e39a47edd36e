//! Why order lines are judged again: what came in since the last settling, and which cases it touches.
//!
//! Come here for how a changed finding gets its causes. Settling notes what it met on its way; a case that is judged then
//! tells which of that bears on it. Nothing here has a say in what is judged or in what comes of it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};

use crate::model::{Case, Cause, CauseKind, Causes, Finding, Probability};

use super::gather::Cut;
use super::holdings::{Entity, Holdings};

/// Most reasons noted for one order line, or for all together: more than are ever told.
const REASONS_MAX: usize = 8;

/// A record of the log, and who may know of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Arrived {
    pub sequence: u64,
    /// The only tenant who may see it, or all.
    pub visible_to: Option<u32>,
}

/// Something that makes an order line be judged again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Reason {
    pub kind: CauseKind,
    pub record: Option<Arrived>,
}

/// What came in since the last settling, and what settling met. Records that have no place in a log have no part in it.
#[derive(Debug, Default)]
pub(super) struct News {
    /// The place of the record that is being inserted.
    pub arriving: Option<u64>,
    /// Something was inserted without a place: it was judged before, by a service that ended since.
    pub is_start: bool,
    /// Order lines that are new or whose buyer stands for other firms.
    pub orders: HashMap<u32, Reason>,
    /// Papers that are new or whose parties stand for other firms.
    pub papers: HashMap<u32, Reason>,
    /// Brands that no record had before.
    brands: HashSet<String>,
    /// Tenants whose order lines say something else together.
    pub tenants: HashSet<u32>,
    /// Places of register rows by the key of their firm.
    rows: HashMap<String, u64>,
    /// Places of records that name a firm, by its key and by who may see them: 0 for all, n + 1 for tenant n.
    named: HashMap<(String, u32), u64>,
    /// What touched order lines in a way that their cases do not show any more.
    marks: HashMap<u32, Vec<Reason>>,
    /// What touched so much that nobody asked what.
    everywhere: Vec<Reason>,
}

/// What bears on one case.
pub(super) struct CaseReasons {
    tenant: u32,
    reasons: Vec<Reason>,
}

impl Reason {
    /// Without a record.
    pub(super) fn of(kind: CauseKind) -> Self {
        Self { kind, record: None }
    }

    /// As a tenant may know it: what it may not see is a change that it has no part in.
    fn cause_for(self, tenant: u32) -> Cause {
        match self.record {
            Some(record) if record.visible_to.is_some_and(|owner| owner != tenant) => {
                Cause { kind: CauseKind::OtherHoldings, record: None }
            }
            record => Cause { kind: self.kind, record: record.map(|record| record.sequence) },
        }
    }
}

impl News {
    /// The record being inserted, for whom it may see.
    pub(super) fn arrived(&self, visible_to: Option<u32>) -> Option<Arrived> {
        self.arriving.map(|sequence| Arrived { sequence, visible_to })
    }

    /// An order line came.
    pub(super) fn order(&mut self, order: u32, tenant: u32) {
        match self.arrived(Some(tenant)) {
            Some(record) => {
                self.orders.insert(order, Reason { kind: CauseKind::OrderLine, record: Some(record) });
            }
            None => self.is_start = true,
        }
    }

    /// A paper came.
    pub(super) fn paper(&mut self, paper: u32, visible_to: Option<u32>) {
        match self.arrived(visible_to) {
            Some(record) => {
                self.papers.insert(paper, Reason { kind: CauseKind::ShipmentLine, record: Some(record) });
            }
            None => self.is_start = true,
        }
    }

    /// A register row came that tells of these firms.
    pub(super) fn row(&mut self, firms: &[String]) {
        let Some(sequence) = self.arriving else {
            self.is_start = true;
            return;
        };
        for firm in firms {
            self.rows.entry(firm.clone()).or_insert(sequence);
        }
    }

    /// A record came with a brand that none had before.
    pub(super) fn brand(&mut self, brand: &str) {
        if self.arriving.is_some() {
            self.brands.insert(brand.to_owned());
        }
    }

    /// A record came that names these firms, visible to a scope: 0 for all, n + 1 for tenant n.
    pub(super) fn naming(&mut self, firms: &[String], scope: u32) {
        let Some(sequence) = self.arriving else { return };
        for firm in firms {
            self.named.entry((firm.clone(), scope)).or_insert(sequence);
        }
    }

    /// Why a mention of a scope stands for other firms than before: the register row of a firm whose share changed, else
    /// the first record that names one, as far as the scope may see it.
    pub(super) fn reason_of_move(
        &self,
        entities: &[Entity],
        scope: u32,
        before: &[(u32, Probability)],
        after: &[(u32, Probability)],
    ) -> Option<Reason> {
        let changed = || {
            let gone = before.iter().filter(|share| !after.contains(share));
            let new = after.iter().filter(|share| !before.contains(share));
            gone.chain(new).map(|(entity, _)| entities[*entity as usize].key.as_str())
        };
        let shared = |sequence: &u64| Arrived { sequence: *sequence, visible_to: None };
        let row = changed().filter_map(|key| self.rows.get(key)).min().map(shared);
        let named = || {
            let scopes = BTreeSet::from([0, scope]);
            let found = changed().flat_map(|key| {
                scopes.iter().filter_map(move |scope| {
                    let sequence = *self.named.get(&(key.to_owned(), *scope))?;
                    Some(Arrived { sequence, visible_to: scope.checked_sub(1) })
                })
            });
            found.min()
        };
        let record = row.or_else(named)?;
        Some(Reason { kind: CauseKind::Identity, record: Some(record) })
    }

    /// The buyer of an order line stands for other firms. An order line that is new stays so.
    pub(super) fn moved_order(&mut self, order: u32, reason: Reason) {
        self.orders.entry(order).or_insert(reason);
    }

    /// A party of a paper stands for other firms.
    pub(super) fn moved_paper(&mut self, paper: u32, reason: Reason) {
        self.papers.entry(paper).or_insert(reason);
    }

    /// Order lines were touched.
    pub(super) fn mark(&mut self, orders: impl IntoIterator<Item = u32>, reason: Reason) {
        for order in orders {
            note(self.marks.entry(order).or_default(), reason);
        }
    }

    /// What of it bears on order lines that wait to be judged again. Lines that came bear on those that do not.
    /// `is_all`: everything waits, so that nobody was asked what else was touched.
    pub(super) fn lasting(&self, is_all: bool) -> Self {
        let (brands, tenants) = (self.brands.clone(), self.tenants.clone());
        if !is_all {
            return Self { brands, tenants, ..Self::default() };
        }
        let moved = |reasons: &HashMap<u32, Reason>| {
            let is_moved = |reason: &Reason| !matches!(reason.kind, CauseKind::OrderLine | CauseKind::ShipmentLine);
            reasons.iter().filter(|(_, reason)| is_moved(reason)).map(|(line, reason)| (*line, *reason)).collect()
        };
        Self {
            orders: moved(&self.orders),
            papers: moved(&self.papers),
            brands,
            tenants,
            rows: self.rows.clone(),
            marks: self.marks.clone(),
            everywhere: self.everywhere.clone(),
            ..Self::default()
        }
    }

    /// Takes up what bears on the same order lines besides.
    pub(super) fn absorb(&mut self, other: Self) {
        other.orders.into_iter().for_each(|(order, reason)| self.moved_order(order, reason));
        other.papers.into_iter().for_each(|(paper, reason)| self.moved_paper(paper, reason));
        self.brands.extend(other.brands);
        self.tenants.extend(other.tenants);
        for (firm, sequence) in other.rows {
            self.rows.entry(firm).or_insert(sequence);
        }
        for (order, reasons) in other.marks {
            reasons.into_iter().for_each(|reason| note(self.marks.entry(order).or_default(), reason));
        }
        other.everywhere.into_iter().for_each(|reason| note(&mut self.everywhere, reason));
    }

    /// Everything may have been touched.
    pub(super) fn mark_everywhere(&mut self, reason: Reason) {
        note(&mut self.everywhere, reason);
    }
}

/// Adds a reason to a list, if it is a new one and there is room.
pub(super) fn note(reasons: &mut Vec<Reason>, reason: Reason) {
    if reasons.len() < REASONS_MAX && !reasons.contains(&reason) {
        reasons.push(reason);
    }
}

impl Holdings {
    /// What of all this bears on a case.
    pub(super) fn reasons_of_case(&self, news: &[&News], cut: &Cut, case: &Case) -> CaseReasons {
        let tenant = cut.tenant();
        let mut reasons: BTreeSet<Reason> = BTreeSet::new();
        for news in news {
            reasons.extend(case.entities.iter().filter_map(|entity| {
                let record = Arrived { sequence: *news.rows.get(&entity.key)?, visible_to: None };
                Some(Reason { kind: CauseKind::Company, record: Some(record) })
            }));
            reasons.extend(cut.orders().filter_map(|order| news.orders.get(&order)));
            reasons.extend(cut.shipments().filter_map(|paper| news.papers.get(&paper)));
            reasons.extend(cut.orders().filter_map(|order| news.marks.get(&order)).flatten());
            if news.tenants.contains(&tenant) {
                reasons.insert(Reason::of(CauseKind::TenantsRecord));
            }
            if case.brands.iter().any(|brand| news.brands.contains(brand)) {
                reasons.insert(Reason::of(CauseKind::OtherHoldings));
            }
            if news.is_start {
                reasons.insert(Reason::of(CauseKind::Start));
            }
        }
        let mut reasons: Vec<Reason> = reasons.into_iter().collect();
        // Few records can be named: those of which there are fewest go first.
        reasons.sort_by_key(|reason| (Reverse(reason.kind), reason.record));
        CaseReasons { tenant, reasons }
    }

    /// Why a finding of a case changed: papers that it names come first, then what touched its order line, then whatever
    /// else bears on its case. A new order line has no other cause than itself.
    pub(super) fn causes_of(&self, news: &[&News], case: &CaseReasons, finding: &Finding) -> Causes {
        let mut causes = Causes::default();
        let own = self.held_order(case.tenant, &finding.order);
        let mut add = |reason: &Reason| causes.add(reason.cause_for(case.tenant));
        let own_reasons = || news.iter().filter_map(|news| news.orders.get(&own?));
        if let Some(own) = own_reasons().find(|own| own.kind == CauseKind::OrderLine) {
            add(own);
            return causes;
        }
        let papers = finding.papers().into_iter().filter_map(|key| self.held_shipment(case.tenant, key));
        papers.flat_map(|paper| news.iter().filter_map(move |news| news.papers.get(&paper))).for_each(&mut add);
        news.iter().filter_map(|news| news.marks.get(&own?)).flatten().for_each(&mut add);
        case.reasons.iter().for_each(&mut add);
        if causes.causes.is_empty() {
            let everywhere = news.iter().flat_map(|news| &news.everywhere);
            everywhere.for_each(|reason| causes.add(reason.cause_for(case.tenant)));
        }
        if causes.causes.is_empty() {
            causes.add(Cause { kind: CauseKind::OtherHoldings, record: None });
        }
        causes
    }
}
