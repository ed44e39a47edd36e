//! What is held comes back from its kept form and goes on as if it had never left: answers, cases, records known again.

use std::collections::BTreeSet;

use super::super::holdings::Holdings;
use super::super::judge::case_hash;
use super::super::policy::Policy;
use super::{BlockReader, BlockWriter, KeptError};
use crate::model::{Corridor, Record};
use crate::simulation::{MemoryWorld, Profile, WorldOptions, generate};

type Owned = (Option<&'static str>, Record);

/// Records of a world in two parts: what is there before, and one in four of the lines, which come later.
fn parts() -> (Vec<Owned>, Vec<Owned>) {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(8, 300, 1_500, Profile::Harder), &mut world).unwrap();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    before.extend(world.companies.into_iter().map(|row| (None, Record::Company(Box::new(row)))));
    let orders = world.orders.into_iter().map(|line| (Some("t"), Record::Order(Box::new(line))));
    // Some feeds are private, so that firms of both kinds of layer are held.
    let owner = |place: usize| place.is_multiple_of(5).then_some("t");
    let shipments = world.shipments.into_iter().enumerate();
    let shipments = shipments.map(|(place, line)| (owner(place), Record::Shipment(Box::new(line))));
    for (place, record) in orders.chain(shipments).enumerate() {
        if place % 4 == 3 { after.push(record) } else { before.push(record) }
    }
    (before, after)
}

fn filled(records: Vec<Owned>) -> Holdings {
    let mut holdings = Holdings::expecting_more(Policy::default(), Corridor::default());
    holdings.insert_all(records);
    holdings.settle();
    holdings
}

/// Records and firms of a state.
type Kept = [Vec<u8>; 2];

fn kept(holdings: &Holdings) -> Kept {
    let (mut records, mut firms) = (BlockWriter::new(Vec::new()), BlockWriter::new(Vec::new()));
    holdings.keep_records(&mut records).unwrap();
    holdings.keep_firms(&mut firms).unwrap();
    [records.into_inner(), firms.into_inner()]
}

fn taken_up_by([records, firms]: &Kept, policy: Policy) -> Result<Holdings, KeptError> {
    let [mut records, mut firms] = [records, firms].map(|bytes| BlockReader::new(bytes.as_slice()));
    Holdings::taken_up(&mut records, &mut firms, policy, Corridor::default())
}

fn taken_up(kept: &Kept) -> Result<Holdings, KeptError> {
    taken_up_by(kept, Policy::default())
}

fn hashes(holdings: &Holdings) -> BTreeSet<[u8; 32]> {
    holdings.cuts().iter().map(|cut| case_hash(&holdings.case(cut))).collect()
}

#[test]
fn a_state_that_was_taken_up_goes_on_as_the_one_that_was_kept() {
    let (before, after) = parts();
    let mut plain = filled(before.clone());
    let mut again = taken_up(&kept(&plain)).unwrap();
    assert_eq!(hashes(&again), hashes(&plain));
    assert!(again.settle().orders().is_empty(), "nothing came");
    let held = plain.insert_all(after.clone());
    assert_eq!(again.insert_all(after.clone()), held);
    assert_eq!(again.settle(), plain.settle());
    assert_eq!(hashes(&again), hashes(&plain));
    let everything = filled(before.iter().chain(&after).cloned().collect());
    assert_eq!(hashes(&again), hashes(&everything));
    let known = again.insert_all(before);
    assert!(known.iter().all(|held| *held == super::super::holdings::Held::Same), "records held are known again");
    // A second keeping has all that the first one took up.
    assert_eq!(hashes(&taken_up(&kept(&again)).unwrap()), hashes(&everything));
}

#[test]
fn a_state_kept_under_other_rules_is_not_taken_up() {
    let whole = kept(&filled(parts().0));
    let other = Policy { transit_days_max: 76, ..Policy::default() };
    assert!(matches!(taken_up_by(&whole, other), Err(KeptError::OtherRules)));
    for (part, rest) in [(0, 1), (1, 0)] {
        let mut cut = whole.clone();
        cut[part].pop();
        assert!(taken_up(&cut).is_err());
        cut[part].clear();
        assert!(taken_up(&cut).is_err());
        cut[part].clone_from(&whole[rest]);
        assert!(taken_up(&cut).is_err(), "records in the place of firms, or firms in that of records");
    }
}
