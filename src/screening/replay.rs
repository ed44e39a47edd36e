//! Judging the case of a stored finding again: the same cut and the same judge, and nothing is changed.
//!
//! Come here for what makes a case "the same as then", and for which firms a finding speaks of. Who may ask is `api`; how a case is cut is `gather`.

use std::collections::BTreeSet;

use crate::audit::digest;
use crate::model::{Case, Company, Finding, OrderKey, Replay, ReplayOutcome};
use crate::store::{StoreError, stored_form};

use super::holdings::Holdings;
use super::judge::{case_hash, judge};
use super::policy::{ENGINE_VERSION, Policy};
use super::service::{Service, ServiceError};

/// Most records in a case that is judged again on demand. More than when an order line is screened: only cutting happens
/// under the lock, and who audits can wait. Of 269 alerts of a simulated world of 100,000 lines, 8 had a case of 100 records
/// or more, and none one of 500.
pub const REPLAY_RECORDS_MAX: usize = 500;

/// The case of an order line, cut again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recut {
    /// As screening would cut it now.
    Whole(Box<Case>),
    /// It has more records than the limit.
    TooLarge,
    /// No such order line is held.
    NotHeld,
}

impl Holdings {
    /// The case of an order line as screening cuts it, unless that has more records than `limit`.
    pub fn recut(&self, tenant: &str, key: &OrderKey, limit: usize) -> Recut {
        let held = self.tenant(tenant).and_then(|tenant| self.held_order(tenant, key));
        let Some(order) = held else { return Recut::NotHeld };
        let own_limit = self.policy.records_per_case_max;
        let cut = self.cut_around_within(order, own_limit.min(limit));
        // Cut off at the policy's own limit it is the case that was judged.
        if cut.is_cut_off() && limit < own_limit { Recut::TooLarge } else { Recut::Whole(Box::new(self.case(&cut))) }
    }
}

impl Holdings {
    /// Register rows of the firms that the buyer and the parties of the papers of a finding may stand for, by entity.
    pub fn companies_of(&self, tenant: &str, finding: &Finding) -> Vec<Company> {
        let Some(tenant) = self.tenant(tenant) else { return Vec::new() };
        let buyer = self.held_order(tenant, &finding.order).map(|order| self.orders[order as usize].buyer);
        let papers = finding.papers().into_iter().filter_map(|paper| self.held_shipment(tenant, paper));
        let parties = papers.flat_map(|paper| {
            let held = &self.shipments[paper as usize];
            held.consignor.into_iter().chain(held.consignee)
        });
        let mentions: BTreeSet<u32> = buyer.into_iter().chain(parties).collect();
        let entities = mentions.into_iter().flat_map(|mention| self.followed(mention));
        let keys: BTreeSet<&str> = entities.map(|(entity, _)| self.entities[entity as usize].key.as_str()).collect();
        keys.into_iter().filter_map(|key| self.directory.company(key)).cloned().collect()
    }
}

/// A stored finding with its stored form.
struct Stored {
    finding: Finding,
    form: Vec<u8>,
}

impl Service {
    /// Judges the case of a stored finding again and compares; `None` where no finding is stored. Waits for the judging
    /// thread where it settles just now; blocks.
    pub fn replay(&self, tenant: &str, key: &OrderKey) -> Result<Option<Replay>, ServiceError> {
        self.replay_within(tenant, key, REPLAY_RECORDS_MAX)
    }

    /// Register rows of the firms that a stored finding speaks of. Waits like [`Service::replay`].
    pub fn companies_of(&self, tenant: &str, finding: &Finding) -> Result<Vec<Company>, ServiceError> {
        Ok(self.holdings()?.companies_of(tenant, finding))
    }

    /// The same with another limit.
    pub fn replay_within(&self, tenant: &str, key: &OrderKey, limit: usize) -> Result<Option<Replay>, ServiceError> {
        let holdings = self.holdings()?;
        // While the lock is held nothing is taken up. The judging thread's place is read before the log's end: when the
        // two agree, everything held is settled, judged and committed in the snapshot.
        let judged_through = self.judged_through();
        let (stored, newest) = self.store().read(|snapshot| {
            Ok((snapshot.tenant(tenant)?.finding_with_form(key)?, snapshot.newest_record_sequence()?))
        })?;
        let Some((stored, form)) = stored else { return Ok(None) };
        let is_settled = newest == judged_through;
        let recut = holdings.recut(tenant, key, limit);
        // Judging takes longest, and needs nothing that the judging thread would have to wait for.
        drop(holdings);
        Ok(Some(compare(&Stored { finding: stored.finding, form }, recut, is_settled, self.policy())?))
    }
}

fn compare(stored: &Stored, recut: Recut, is_settled: bool, policy: &Policy) -> Result<Replay, StoreError> {
    let mut replay = Replay {
        outcome: if is_settled { ReplayOutcome::Overdue } else { ReplayOutcome::CaseChanged },
        stored_hash: digest(&stored.form),
        stored_case_hash: stored.finding.case_hash,
        case_hash: None,
        judged: None,
    };
    let case = match recut {
        Recut::Whole(case) => case,
        Recut::TooLarge => return Ok(Replay { outcome: ReplayOutcome::CaseTooLarge, ..replay }),
        Recut::NotHeld => return Ok(replay),
    };
    let hash = case_hash(&case);
    replay.case_hash = Some(hash);
    let is_same_case = hash == stored.finding.case_hash
        && stored.finding.engine_version == ENGINE_VERSION
        && stored.finding.policy_version == policy.full_version();
    // What is half settled is no case that anybody would judge.
    if !is_same_case && !is_settled {
        return Ok(replay);
    }
    let found = judge(&case, policy).into_iter().find(|finding| finding.order == stored.finding.order);
    let Some(judged) = found else { return Ok(replay) };
    let form = stored_form(&judged)?;
    if is_same_case {
        replay.outcome = if form == stored.form { ReplayOutcome::SameBytes } else { ReplayOutcome::OtherBytes };
    }
    replay.judged = Some((Box::new(judged), digest(&form)));
    Ok(replay)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{Recut, Stored, compare};
    use crate::model::{
        Company, Corridor, EntityShare, Finding, OrderKey, OrderLine, Record, ReplayOutcome, ShipmentLine,
    };
    use crate::screening::{Holdings, Policy, judge};
    use crate::simulation::{MemoryWorld, Profile, WorldOptions, generate};
    use crate::store::stored_form;

    fn held(orders: &[OrderLine], papers: &[ShipmentLine]) -> Holdings {
        let mut holdings = Holdings::new(Policy::default(), Corridor::default());
        for line in orders {
            holdings.insert(Some("acme"), Record::Order(Box::new(line.clone())));
        }
        for line in papers {
            holdings.insert(None, Record::Shipment(Box::new(line.clone())));
        }
        holdings.settle();
        holdings
    }

    /// Compares what cases gave before a paper of consequence came with what they have become.
    #[test]
    fn a_case_that_changed_waits_for_its_judgement_or_is_overdue() {
        let mut world = MemoryWorld::default();
        generate(&WorldOptions::new(44, 60, 300, Profile::Small), &mut world).unwrap();
        let policy = Policy::default();
        let findings_of = |holdings: &Holdings| -> Vec<Finding> {
            holdings.cuts().iter().flat_map(|cut| judge(&holdings.case(cut), &policy)).collect()
        };
        let findings = findings_of(&held(&world.orders, &world.shipments));
        let named = findings.iter().find_map(|finding| Some((*finding.papers().first()?).clone())).unwrap();
        let place = world.shipments.iter().position(|line| line.key == named).unwrap();
        let late = world.shipments.remove(place);
        let mut holdings = held(&world.orders, &world.shipments);
        let recut = |holdings: &Holdings, key: &OrderKey| holdings.recut("acme", key, 100_000);
        let stored: Vec<Stored> = findings_of(&holdings)
            .into_iter()
            .map(|finding| Stored { form: stored_form(&finding).unwrap(), finding })
            .collect();
        holdings.insert(None, Record::Shipment(Box::new(late)));
        holdings.settle();
        let mut changed = 0;
        for stored in &stored {
            let case = recut(&holdings, &stored.finding.order);
            let outcome = |is_settled| compare(stored, case.clone(), is_settled, &policy).unwrap();
            let (waiting, settled) = (outcome(false), outcome(true));
            if waiting.case_hash == Some(stored.finding.case_hash) {
                assert_eq!((waiting.outcome, settled.outcome), (ReplayOutcome::SameBytes, ReplayOutcome::SameBytes));
                continue;
            }
            assert_eq!((waiting.outcome, settled.outcome), (ReplayOutcome::CaseChanged, ReplayOutcome::Overdue));
            assert!(waiting.judged.is_none() && settled.judged.is_some());
            changed += 1;
        }
        assert!((1..60).contains(&changed), "{changed} of 60 cases changed");
        let nothing = compare(&stored[0], Recut::NotHeld, false, &policy).unwrap();
        assert_eq!((nothing.outcome, nothing.case_hash), (ReplayOutcome::CaseChanged, None));
    }

    #[test]
    fn a_finding_speaks_of_the_firms_that_its_case_shows() {
        let mut world = MemoryWorld::default();
        generate(&WorldOptions::new(45, 400, 2_000, Profile::Small), &mut world).unwrap();
        let mut holdings = held(&world.orders, &world.shipments);
        for company in &world.companies {
            holdings.insert(None, Record::Company(Box::new(company.clone())));
        }
        holdings.settle();
        let (mut of_papers, mut of_buyers) = (0, 0);
        for cut in holdings.cuts() {
            let case = holdings.case(&cut);
            for finding in judge(&case, &Policy::default()) {
                let order = case.orders.iter().find(|order| order.line.key == finding.order).unwrap();
                let papers = case.shipments.iter().filter(|paper| finding.papers().contains(&paper.line.key));
                let parties = papers.flat_map(|paper| paper.consignor.iter().chain(paper.consignee.iter()));
                let view = |share: &EntityShare| &case.entities[share.entity as usize];
                let buyers: BTreeSet<&str> = order.buyer.iter().map(|share| view(share).key.as_str()).collect();
                let named = order.buyer.iter().chain(parties).map(view);
                let expected: BTreeMap<&str, &Company> =
                    named.filter_map(|view| Some((view.key.as_str(), &**view.company.as_ref()?))).collect();
                of_papers += expected.keys().filter(|key| !buyers.contains(*key)).count();
                of_buyers += expected.keys().filter(|key| buyers.contains(*key)).count();
                let companies = holdings.companies_of("acme", &finding);
                assert_eq!(companies.iter().collect::<Vec<_>>(), expected.into_values().collect::<Vec<_>>());
                assert_eq!(holdings.companies_of("birch", &finding), [], "a stranger has no such order line");
            }
        }
        assert!(of_papers > 5 && of_buyers > 100, "{of_papers} firms of papers, {of_buyers} buyers");
    }
}
