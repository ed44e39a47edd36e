//! Power cuts at every kind of moment, also while the store is being created or reopened.
//!
//! Come here for the promise "nothing acknowledged is lost, nothing is there by half". After each cut the store must
//! equal the plain model of what was acknowledged, or that plus all of what was under way.

use std::io::ErrorKind;

use super::disk::{Dice, Disk};
use super::grouping::{Direct, Reply};
use super::plain::{Plain, Requests, Work, random_work};
use super::samples::{clock, options, rule};
use crate::store::{RecordOutcome, Store, StoreError};

/// Where `ONWARD_POWER_CUT_RUNS` does not say otherwise.
const RUNS_DEFAULT: u64 = 50;
const CUTS_PER_RUN: u64 = 42;

/// What must be there, and what may be there.
#[derive(Default)]
struct Ledger {
    plain: Plain,
    requests: Requests,
    under_way: Vec<Work>,
    is_created: bool,
}

impl Ledger {
    fn with_work(&self, work: &[Work]) -> (Plain, Requests, Vec<Vec<RecordOutcome>>) {
        let (mut plain, mut requests) = (self.plain.clone(), self.requests.clone());
        let outcomes = work.iter().map(|work| plain.apply(work, &mut requests)).collect();
        (plain, requests, outcomes)
    }

    fn acknowledge(&mut self, work: &[Work]) -> Vec<Vec<RecordOutcome>> {
        let (plain, requests, outcomes) = self.with_work(work);
        (self.plain, self.requests) = (plain, requests);
        outcomes
    }

    /// The store holds what was acknowledged, and of what was under way all or nothing.
    fn check(&mut self, found: &Plain, story: &str) {
        if *found != self.plain.trimmed() {
            let work = std::mem::take(&mut self.under_way);
            self.acknowledge(&work);
            assert_eq!(*found, self.plain.trimmed(), "{story}");
        }
        self.under_way.clear();
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_there_by_half() {
    let runs = std::env::var("ONWARD_POWER_CUT_RUNS").ok().map_or(RUNS_DEFAULT, |text| text.parse().unwrap());
    let (mut cuts_at_opening, mut cuts_at_work) = (0, 0);
    for seed in 0..runs {
        let mut dice = Dice::new(seed);
        let disk = Disk::default();
        let mut ledger = Ledger::default();
        let mut number = 0;
        for cut in 0..CUTS_PER_RUN {
            let story = format!("seed {seed}, cut {cut}");
            // Opening takes few operations, a commit a dozen: short lives cut the first, long ones the second.
            let life = if dice.below(3) == 0 { 1 + dice.below(8) } else { 1 + dice.below(120) };
            disk.fail_after(life, ErrorKind::Other);
            let is_grouped = dice.below(2) == 0;
            let was_opened = if is_grouped {
                live_grouped(&disk, &mut dice, &mut ledger, &mut number, &story)
            } else {
                live_singly(&disk, &mut dice, &mut ledger, &mut number, &story)
            };
            if was_opened {
                cuts_at_work += 1
            } else {
                cuts_at_opening += 1
            }
            disk.restart(&mut dice);
        }
        let store = Store::open_on(disk, options(), clock()).unwrap();
        ledger.is_created = true;
        ledger.check(&Plain::read(&store.snapshot().unwrap()), &format!("seed {seed}, at the end"));
    }
    assert!(cuts_at_opening > 100 && cuts_at_work > 1000, "{cuts_at_opening} and {cuts_at_work} cuts");
}

/// Works through the store's front door, one thing at a time, until the power fails. False if it never opened.
fn live_singly(disk: &Disk, dice: &mut Dice, ledger: &mut Ledger, number: &mut u64, story: &str) -> bool {
    let store = match Store::open_on(disk.clone(), options(), clock()) {
        Ok(store) => store,
        Err(fault) => return failed_to_open(disk, &fault, ledger, story),
    };
    ledger.is_created = true;
    ledger.check(&Plain::read(&store.snapshot().unwrap()), story);
    // Sometimes the store is closed in peace, or loses its power while it closes.
    while dice.below(24) > 0 {
        *number += 1;
        let work = vec![random_work(dice, *number)];
        let result = match work[0].clone() {
            Work::Accept(batch) => store.accept_blocking(batch).map(|outcome| outcome.outcomes),
            Work::Judge(findings, through) => {
                store.commit_judgements_blocking(findings, through, rule()).map(|_| Vec::new())
            }
        };
        match result {
            Ok(outcomes) => assert_eq!(vec![outcomes], ledger.acknowledge(&work), "{story}"),
            Err(fault) => {
                assert!(matches!(fault, StoreError::Broken { .. }), "{story}: {fault}");
                ledger.under_way = work;
                break;
            }
        }
    }
    true
}

/// Works in groups of one transaction each until the power fails. False if it never opened.
fn live_grouped(disk: &Disk, dice: &mut Dice, ledger: &mut Ledger, number: &mut u64, story: &str) -> bool {
    let store = match Direct::open(disk.clone()) {
        Ok(store) => store,
        Err(fault) => return failed_to_open(disk, &fault, ledger, story),
    };
    ledger.is_created = true;
    ledger.check(&Plain::read(&store.snapshot()), story);
    while dice.below(24) > 0 {
        let work: Vec<Work> = (0..=dice.below(4))
            .map(|_| {
                *number += 1;
                random_work(dice, *number)
            })
            .collect();
        let replies = store.write(&work);
        if replies.iter().all(Result::is_ok) {
            let outcomes: Vec<_> =
                replies.into_iter().map(|reply| reply.map_or_else(|_| vec![], Reply::outcomes)).collect();
            assert_eq!(outcomes, ledger.acknowledge(&work), "{story}");
        } else {
            assert!(replies.iter().all(Result::is_err), "{story}: a group was answered by half");
            ledger.under_way = work;
            break;
        }
    }
    true
}

/// Only a cut may keep a store from opening, or one while it was being created: then it is created anew.
fn failed_to_open(disk: &Disk, fault: &StoreError, ledger: &Ledger, story: &str) -> bool {
    if !ledger.is_created && matches!(fault, StoreError::NotAStore { .. } | StoreError::Damaged { .. }) {
        disk.empty();
        return false;
    }
    assert!(disk.has_failed(), "{story}: cannot be opened any more: {fault}");
    false
}
