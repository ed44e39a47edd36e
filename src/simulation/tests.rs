//! Do worlds keep their promises? The truth conserves goods and time, numbers are valid, every story occurs, and the
//! worlds are neither trivial nor hopeless.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

use super::{CsvWorldWriter, MemoryWorld, Profile, TruthPartyKind, WorldOptions, WorldSummary, generate};
use crate::model::{Amount, Country, DocumentKind, OrderLine, ShipmentLine, Unit};

fn world(seed: u64, orders: u64, shipments: u64, profile: Profile) -> (MemoryWorld, WorldSummary) {
    let mut memory = MemoryWorld::default();
    let summary = generate(&WorldOptions::new(seed, orders, shipments, profile), &mut memory).unwrap();
    (memory, summary)
}

/// A world with quick ways to its rows.
struct Indexed<'a> {
    world: &'a MemoryWorld,
    orders: BTreeMap<(&'a str, u32), &'a OrderLine>,
    lines: BTreeMap<(&'a str, u32), &'a ShipmentLine>,
    parties: BTreeMap<(TruthPartyKind, &'a str), &'a str>,
}

impl<'a> Indexed<'a> {
    fn of(world: &'a MemoryWorld) -> Self {
        let order_key = |order: &'a OrderLine| ((order.key.order_id.as_str(), order.key.line_no), order);
        let line_key = |line: &'a ShipmentLine| ((line.key.number.as_str(), line.key.line_no), line);
        let indexed = Self {
            world,
            orders: world.orders.iter().map(order_key).collect(),
            lines: world.shipments.iter().map(line_key).collect(),
            parties: world
                .truth_parties
                .iter()
                .map(|party| ((party.kind, party.reference.as_str()), party.company.as_str()))
                .collect(),
        };
        assert_eq!(indexed.orders.len(), world.orders.len(), "order lines have names of their own");
        assert_eq!(indexed.lines.len(), world.shipments.len(), "shipment lines have names of their own");
        assert_eq!(indexed.parties.len(), world.truth_parties.len(), "a mention is one company");
        indexed
    }
}

#[test]
fn the_same_options_give_the_same_bytes_and_another_seed_gives_others() {
    let read = |seed| {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = CsvWorldWriter::create(folder.path()).unwrap();
        generate(&WorldOptions::new(seed, 300, 2_000, Profile::Harder), &mut writer).unwrap();
        writer.finish().unwrap();
        let names = ["companies", "orders", "shipments", "truth_links", "truth_orders", "truth_parties"];
        names.map(|name| std::fs::read(folder.path().join(format!("{name}.csv"))).unwrap())
    };
    let first = read(7);
    assert!(first.iter().all(|bytes| bytes.len() > 200));
    assert_eq!(first, read(7));
    let other = read(8);
    assert!(first.iter().zip(&other).all(|(ours, theirs)| ours != theirs));
}

#[test]
fn files_have_the_columns_of_the_contract_and_as_many_rows_as_the_summary_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = CsvWorldWriter::create(folder.path()).unwrap();
    let summary = generate(&WorldOptions::new(3, 200, 1_000, Profile::Small), &mut writer).unwrap();
    writer.finish().unwrap();
    let expected = [
        ("companies", "id,country,name,name_latin,registered,address,phone,director,", summary.company_count),
        ("orders", "order_id,line_no,order_date,ship_date,buyer_name,buyer_id,buyer_country,", summary.order_count),
        ("shipments", "document_kind,document_number,line_no,date,consignor_name,", summary.shipment_count),
        ("truth_links", "order_id,document_number,quantity,hops,chain,line_no,document_line", summary.link_count),
        ("truth_orders", "order_id,quantity,diverted,line_no", summary.order_count),
    ];
    for (name, head, rows) in expected {
        let path = folder.path().join(format!("{name}.csv"));
        assert!(std::fs::read_to_string(&path).unwrap().starts_with(head), "{name}");
        let mut reader = csv::Reader::from_path(&path).unwrap();
        assert_eq!(reader.records().map(Result::unwrap).count() as u64, rows, "{name}");
    }
}

#[test]
fn the_truth_conserves_goods() {
    for profile in Profile::ALL {
        let (memory, _) = world(11, 700, 3_500, profile);
        let index = Indexed::of(&memory);
        let (mut from_orders, mut on_lines) = (BTreeMap::new(), BTreeMap::new());
        for link in &memory.truth_links {
            assert!(link.quantity.is_positive());
            let order = from_orders.entry((link.order_id.as_str(), link.line_no)).or_insert(Amount::ZERO);
            *order = order.plus(link.quantity);
            let line = on_lines.entry((link.document_number.as_str(), link.document_line)).or_insert(Amount::ZERO);
            *line = line.plus(link.quantity);
        }
        for truth in &memory.truth_orders {
            let key = (truth.order_id.as_str(), truth.line_no);
            assert_eq!(truth.quantity, index.orders[&key].quantity);
            assert_eq!(truth.diverted, from_orders.get(&key).copied().unwrap_or_default());
            assert!(truth.diverted <= truth.quantity);
        }
        for (key, linked) in on_lines {
            let line = index.lines[&key];
            match line.unit {
                Unit::Piece => assert_eq!(line.quantity, linked),
                Unit::ThousandPieces => assert_eq!(line.quantity.millionths() * 1000, linked.millionths()),
                _ => assert_eq!(line.unit, Unit::Kilogram),
            }
        }
    }
}

#[test]
fn goods_travel_forward_in_time_and_from_hand_to_hand() {
    let (memory, _) = world(5, 1_500, 6_000, Profile::Harder);
    let index = Indexed::of(&memory);
    for link in &memory.truth_links {
        let order = index.orders[&(link.order_id.as_str(), link.line_no)];
        let mut day = order.ship_date.unwrap();
        let mut holder = index.parties[&(TruthPartyKind::Order, link.order_id.as_str())];
        let onward = (link.document_number.as_str(), link.document_line);
        let papers = link.chain.iter().map(|number| (number.as_str(), 1)).chain([onward]);
        for (place, key) in papers.enumerate() {
            let line = index.lines[&key];
            assert!(line.date >= day, "{link:?}");
            day = line.date;
            assert_eq!(index.parties[&(TruthPartyKind::Shipment, key.0)], holder, "{link:?}");
            holder = index.parties[&(TruthPartyKind::Consignee, key.0)];
            let is_onward = place == link.chain.len();
            assert_eq!(line.consignee.country == Some(Country::RU), is_onward);
        }
        assert_eq!(link.hops as usize, link.chain.len());
    }
}

/// Written from the published rules, apart from the generator.
fn is_valid(identifier: &str) -> bool {
    let digits: Vec<u32> = identifier.chars().filter_map(|digit| digit.to_digit(10)).collect();
    let sum = |weights: &[u32]| digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum::<u32>() % 11;
    match digits.len() {
        10 => sum(&[2, 4, 10, 3, 5, 9, 4, 6, 8]) % 10 == digits[9],
        12 => {
            let first = sum(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
            let check = if first == 10 { sum(&[3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]) } else { first };
            check == digits[11]
        }
        8 | 14 => true,
        _ => false,
    }
}

#[test]
fn every_company_has_a_valid_number_of_its_own() {
    assert!(is_valid("940140000385") && !is_valid("940140000386") && is_valid("7707083893"));
    let (memory, _) = world(2, 4_500, 30_000, Profile::Small);
    let mut seen = BTreeSet::new();
    for company in &memory.companies {
        assert!(is_valid(&company.identifier), "{company:?}");
        assert!(seen.insert(&company.identifier), "{company:?}");
    }
    for party in &memory.truth_parties {
        let is_abroad = party.company == "exporter" || party.company.starts_with("seller-");
        assert!(is_abroad || is_valid(&party.company), "{party:?}");
    }
}

#[test]
fn every_story_occurs() {
    for profile in [Profile::Small, Profile::Harder, Profile::Unseen] {
        let (memory, _) = world(4, 2_500, 12_000, profile);
        for (story, count) in stories(&Indexed::of(&memory)) {
            assert!(count > 0, "{profile}: {story}");
        }
    }
}

fn stories(index: &Indexed<'_>) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut tell = |story: &'static str, happened: bool| *counts.entry(story).or_default() += usize::from(happened);
    let (mut by_order, mut by_line) = (BTreeMap::new(), BTreeMap::new());
    for link in &index.world.truth_links {
        *by_order.entry((&link.order_id, link.line_no)).or_insert(0) += 1;
        *by_line.entry((&link.document_number, link.document_line)).or_insert(0) += 1;
        let order = index.orders[&(link.order_id.as_str(), link.line_no)];
        let line = index.lines[&(link.document_number.as_str(), link.document_line)];
        let codes = (order.hs_code.as_ref().unwrap(), line.hs_code.as_ref().unwrap());
        tell("direct", link.hops == 0 && line.key.kind != DocumentKind::RuDeclaration);
        tell("through one firm", link.hops == 1);
        tell("through two firms", link.hops == 2);
        tell("never arrived", line.key.kind == DocumentKind::RuDeclaration);
        tell("late", line.date.days_since(order.ship_date.unwrap()) > 100);
        tell("re-coded", codes.0.subheading() != codes.1.subheading());
        tell("re-packed", line.unit == Unit::Kilogram);
        tell("whole lot at once", link.quantity == order.quantity);
        tell("serial shown", line.serial_numbers.iter().any(|serial| order.serial_numbers.contains(serial)));
        tell("declaration named", !line.source_declaration.is_empty());
        tell("no identifier", line.consignor.identifier.is_empty());
        tell("another line of a paper", link.document_line > 1);
    }
    tell("split", by_order.values().any(|count| *count > 1));
    tell("merged", by_line.values().any(|count| *count > 1));
    let linked: BTreeSet<&str> = index.world.truth_links.iter().map(|link| link.document_number.as_str()).collect();
    let chained: BTreeSet<&String> = index.world.truth_links.iter().flat_map(|link| &link.chain).collect();
    for line in &index.world.shipments {
        let true_consignor = index.parties[&(TruthPartyKind::Shipment, line.key.number.as_str())];
        let into_russia = line.consignee.country == Some(Country::RU);
        let inside = line.consignor.country == Some(Country::KZ) && line.consignee.country == Some(Country::KZ);
        let identifier = line.consignor.identifier.as_str();
        tell("mistyped identifier", !identifier.is_empty() && identifier != true_consignor);
        tell("honest onward", into_russia && !linked.contains(line.key.number.as_str()));
        tell("honest sale inside", inside && !chained.contains(&line.key.number));
        tell("arrival from another seller", true_consignor.starts_with("seller-"));
        tell("to a neighbour", line.consignee.country == Country::parse("KG"));
        tell("Kazakh-made commodity", into_russia && line.description.starts_with("Пшеница"));
    }
    let mut names = BTreeSet::new();
    tell("namesake", index.world.companies.iter().any(|company| !names.insert(&company.name_latin)));
    counts
}

#[test]
fn honest_trade_is_ten_times_the_other_and_few_divert() {
    for (profile, low, high) in
        [(Profile::Small, 0.10, 0.18), (Profile::Harder, 0.10, 0.19), (Profile::FewDiverters, 0.015, 0.05)]
    {
        let (memory, summary) = world(21, 2_000, 10_000, profile);
        let share = summary.diverted_order_count as f64 / summary.order_count as f64;
        assert!((low..high).contains(&share), "{profile}: {share}");
        let linked: BTreeSet<&String> = memory.truth_links.iter().map(|link| &link.document_number).collect();
        let onward = memory.shipments.iter().filter(|line| line.consignee.country == Some(Country::RU)).count();
        assert!(onward > 10 * linked.len(), "{profile}: {onward} onward lines, {} bad papers", linked.len());
    }
}

#[test]
fn the_unseen_profile_shares_no_word_and_no_brand() {
    let (familiar, unseen) = (&super::words::FAMILIAR, &super::words_unseen::UNSEEN);
    let fold = |words: &[&'static str]| words.iter().map(|word| word.to_lowercase()).collect::<BTreeSet<_>>();
    let tails = |vocabulary: &super::words::Vocabulary| {
        fold(&vocabulary.tails.iter().map(|tail| tail.english).collect::<Vec<_>>())
    };
    assert!(familiar.stems.len() >= 120 && unseen.stems.len() >= 120);
    assert!(fold(familiar.stems).is_disjoint(&fold(unseen.stems)));
    assert!(fold(familiar.prefixes).is_disjoint(&fold(unseen.prefixes)));
    assert!(tails(familiar).is_disjoint(&tails(unseen)));
    let brands = |goods: &[super::catalogue::Good]| {
        goods.iter().flat_map(|good| good.brands).copied().collect::<BTreeSet<&str>>()
    };
    assert!(brands(super::goods::GOODS).is_disjoint(&brands(super::goods_unseen::GOODS)));
    for good in super::goods::GOODS.iter().chain(super::goods_unseen::GOODS) {
        assert_eq!(good.code_eight[..6], good.code_ten[..6], "{good:?}");
        assert_eq!(good.neighbour[..4], good.code_ten[..4], "{good:?}");
        assert_ne!(good.other_heading[..4], good.code_ten[..4], "{good:?}");
    }
}

/// What somebody writes in an afternoon: same number, or same name after the commonest romanisation, same six digits,
/// within half a year. If it found nearly everything, the worlds would be too easy; if nothing, no evidence would be
/// left in them.
#[test]
fn a_plain_script_finds_some_links_but_not_most() {
    let (memory, _) = world(1, 2_000, 10_000, Profile::Small);
    let mut by_key: BTreeMap<(String, &str), Vec<&ShipmentLine>> = BTreeMap::new();
    for line in memory.shipments.iter().filter(|line| line.consignee.country == Some(Country::RU)) {
        let six = line.hs_code.as_ref().and_then(|code| code.subheading()).unwrap();
        for key in [line.consignor.identifier.clone(), plain_name(&line.consignor.name)] {
            if !key.is_empty() {
                by_key.entry((key, six)).or_default().push(line);
            }
        }
    }
    let mut found = BTreeSet::new();
    for order in &memory.orders {
        let six = order.hs_code.as_ref().and_then(|code| code.subheading()).unwrap();
        for key in [order.buyer.identifier.clone(), plain_name(&order.buyer.name)] {
            let candidates = by_key.get(&(key, six)).into_iter().flatten();
            found.extend(
                candidates
                    .filter(|line| (0..=180).contains(&line.date.days_since(order.order_date)))
                    .map(|line| (&order.key.order_id, &line.key.number)),
            );
        }
    }
    let truth: BTreeSet<_> = memory.truth_links.iter().map(|link| (&link.order_id, &link.document_number)).collect();
    let right = found.intersection(&truth).count() as f64;
    let f1 = 2.0 * right / (found.len() + truth.len()) as f64;
    assert!((0.2..0.65).contains(&f1), "{f1}");
}

fn plain_name(name: &str) -> String {
    let latin = super::alphabet::to_latin(&name.to_lowercase(), super::alphabet::Scheme::Plain);
    let words: Vec<&str> = latin
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !["too", "zhshs", "llp", "ltd", "ao", "ak", "jsc", "ip", "zhk", "ie", ""].contains(word))
        .collect();
    words.join(" ")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn worlds_of_any_size_have_as_many_lines_as_asked_for(
        seed in 0u64..1_000,
        orders in 0u64..80,
        shipments in 0u64..400,
        profile in 0usize..4,
    ) {
        let (memory, summary) = world(seed, orders, shipments, Profile::ALL[profile]);
        prop_assert_eq!(memory.orders.len() as u64, orders);
        prop_assert_eq!(summary.order_count, orders);
        prop_assert_eq!(memory.shipments.len() as u64, summary.shipment_count);
        prop_assert!(summary.shipment_count >= shipments);
        // Only the orders' own papers may go beyond what was asked for.
        prop_assert!(summary.shipment_count == shipments || summary.shipment_count <= orders * 9);
        Indexed::of(&memory);
    }
}

#[test]
fn several_blocks_join_without_seams() {
    for (orders, shipments) in [(30, 45_000), (5_000, 12_000)] {
        let (memory, summary) = world(9, orders, shipments, Profile::Small);
        assert_eq!((summary.order_count, summary.shipment_count), (orders, shipments));
        Indexed::of(&memory);
    }
}
