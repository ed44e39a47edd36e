//! A run that goes on from a kept one hands on what a single run over everything does: findings and parties, rows that
//! stand and rows that are made again, however the records are cut into runs.

use std::collections::BTreeSet;

use onward::model::Record;
use onward::screening::batch::{Batch, Outcome, Screening};
use onward::screening::{BlockReader, BlockWriter, Policy};
use onward::simulation::Profile;
use proptest::prelude::*;

use crate::invariants::{TENANT, records, world};

/// What a run handed on and what it kept.
#[derive(Default)]
struct Run {
    findings: Vec<String>,
    parties: Vec<String>,
    records: Vec<u8>,
    firms: Vec<u8>,
    /// Rows that stood.
    as_before: usize,
}

/// Rows of a run, each one new or in the place of an earlier one.
fn rows(outcomes: Vec<Outcome<String>>, earlier: Vec<String>) -> (Vec<String>, usize) {
    let (mut earlier, mut as_before) = (earlier.into_iter(), 0);
    let row = |outcome: Outcome<String>| match outcome {
        Outcome::New(row) => row,
        Outcome::Again(row) => {
            earlier.next().expect("an earlier row to stand in the place of");
            row
        }
        Outcome::AsBefore => {
            as_before += 1;
            earlier.next().expect("an earlier row that stands")
        }
    };
    let rows = outcomes.into_iter().map(row).collect();
    assert_eq!(earlier.next(), None, "every earlier row stands or has another in its place");
    (rows, as_before)
}

fn handed_on(screening: &Screening, earlier: Run) -> Run {
    let (mut findings, mut parties) = (Vec::new(), Vec::new());
    let collected: Result<(), ()> = screening.findings(
        &|_, _, _| {},
        |finding, _| format!("{finding:?}"),
        |outcome| {
            findings.push(outcome);
            Ok(())
        },
    );
    assert_eq!(collected, Ok(()));
    let collected: Result<(), ()> = screening.parties(|outcome| {
        parties.push(outcome.map(|rows| format!("{rows:?}")));
        Ok(())
    });
    assert_eq!(collected, Ok(()));
    let (findings, found_before) = rows(findings, earlier.findings);
    let (parties, read_before) = rows(parties, earlier.parties);
    let (mut records, mut firms) = (BlockWriter::new(Vec::new()), BlockWriter::new(Vec::new()));
    screening.holdings().keep_records(&mut records).unwrap();
    screening.holdings().keep_firms(&mut firms).unwrap();
    let as_before = found_before + read_before;
    Run { findings, parties, records: records.into_inner(), firms: firms.into_inner(), as_before }
}

fn first(records: Vec<Record>) -> Run {
    let mut batch = Batch::to_be_kept(TENANT, Policy::default());
    batch.take(records);
    handed_on(&batch.resolve(&|_, _, _| {}), Run::default())
}

fn after(earlier: Run, records: Vec<Record>) -> Run {
    let [mut kept_records, mut kept_firms] =
        [&earlier.records, &earlier.firms].map(|bytes| BlockReader::new(bytes.as_slice()));
    let mut batch = Batch::going_on(TENANT, Policy::default(), &mut kept_records, &mut kept_firms).unwrap();
    batch.take(records);
    let screening = batch.resolve(&|_, _, _| {});
    handed_on(&screening, earlier)
}

fn assert_alike(found: &[String], expected: &[String]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn runs_that_go_on_hand_on_what_one_run_does(
        seed in 0_u64..1_000,
        profile in prop::sample::select(vec![Profile::Small, Profile::Harder, Profile::Unseen]),
        places in prop::collection::btree_set(1_usize..600, 1..4),
        turn in 0_usize..600,
    ) {
        let mut all = records(&world(seed, 120, profile));
        // Registers, papers and orders come in one after the other: another beginning mixes them.
        let turn = turn % all.len();
        all.rotate_left(turn);
        let single = first(all.clone());
        let places: BTreeSet<usize> = places.into_iter().filter(|place| *place < all.len()).collect();
        let (mut run, mut done) = (None, 0);
        for end in places.into_iter().chain([all.len()]) {
            let some = all[done..end].to_vec();
            run = Some(match run {
                None => first(some),
                Some(earlier) => after(earlier, some),
            });
            done = end;
        }
        let run = run.unwrap();
        assert_alike(&run.findings, &single.findings);
        assert_alike(&run.parties, &single.parties);
    }
}

#[test]
fn a_run_without_anything_new_lets_everything_stand() {
    let all = records(&world(5, 200, Profile::Harder));
    let (some, count) = (all[..50].to_vec(), all.len());
    let kept = first(all);
    let (findings, parties) = (kept.findings.clone(), kept.parties.clone());
    // Records that are held already are nothing new.
    let again = after(kept, some);
    assert_eq!(again.as_before, findings.len() + parties.len(), "of {count} records");
    assert_alike(&again.findings, &findings);
    assert_alike(&again.parties, &parties);
}

#[test]
fn little_that_is_new_lets_most_stand() {
    let all = records(&world(6, 400, Profile::Small));
    let (before, after_it) = all.split_at(all.len() - 3);
    let single = first(all.clone());
    let run = after(first(before.to_vec()), after_it.to_vec());
    let row_count = run.findings.len() + run.parties.len();
    assert!(run.as_before * 2 > row_count, "{} of {row_count} stand", run.as_before);
    assert_alike(&run.findings, &single.findings);
    assert_alike(&run.parties, &single.parties);
}
