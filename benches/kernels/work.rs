//! The kernels themselves: what each works on, made beforehand, and the call that is measured.
//!
//! `cargo bench -p onward-benches --bench kernels` times these calls, `cargo bench -p onward-benches --bench instructions` counts their instructions.

use std::fmt::Write;
use std::hint::black_box;
use std::sync::LazyLock;

use onward::goods::{Brands, compare};
use onward::intake::{Report, Source, read_orders};
use onward::model::{Case, Corridor, GoodsForm, HsCode, OrderLine, Record, ShipmentLine};
use onward::normalize;
use onward::resolve::{PreparedName, match_prepared};
use onward::screening::{Holdings, Policy, judge};
use onward::simulation::{MemoryWorld, Profile, WorldOptions, generate};

/// Items that one call works through, so that a call takes long against the clock.
const ITEM_COUNT: usize = 1_000;

static WORLD: LazyLock<MemoryWorld> = LazyLock::new(|| {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(1, 2_000, 10_000, Profile::Small), &mut world).unwrap();
    world
});

/// Something to measure.
pub struct Work {
    /// How many items one call works through.
    pub item_count: usize,
    /// The call.
    pub call: Box<dyn Fn()>,
}

impl Work {
    fn each<T: 'static>(items: Vec<T>, of_item: impl Fn(&T) + 'static) -> Self {
        Self { item_count: items.len(), call: Box::new(move || items.iter().for_each(&of_item)) }
    }
}

/// The name of a kernel and what makes its work.
pub type Kernel = (&'static str, fn() -> Work);

/// All kernels.
pub const KERNELS: [Kernel; 10] = [
    ("read_orders", read_order_rows),
    ("normalize_name", normalize_name),
    ("prepare_name", prepare_name),
    ("match_names_of_strangers", match_names_of_strangers),
    ("match_names_of_namesakes_in_part", match_names_of_namesakes_in_part),
    ("match_names_of_one_firm", match_names_of_one_firm),
    ("normalize_goods", normalize_goods),
    ("compare_goods", compare_goods),
    ("take_up_world", take_up_world),
    ("judge_cases", judge_cases),
];

/// Order lines out of a CSV file.
fn read_order_rows() -> Work {
    let mut text = String::from("order_id,line_no,order_date,buyer_name,buyer_country,hs_code,description,brand,");
    text.push_str("part_number,quantity,unit\n");
    for line in WORLD.orders.iter().take(ITEM_COUNT) {
        let OrderLine { key, order_date, buyer, hs_code, .. } = line;
        let cell = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
        let texts = [&buyer.name, &line.description, &line.brand, &line.part_number].map(|text| cell(text));
        let [name, description, brand, part_number] = texts;
        let hs_code = hs_code.as_ref().map(HsCode::digits).unwrap_or_default();
        let (order_id, line_no, quantity) = (&key.order_id, key.line_no, line.quantity);
        let row = format!("{order_id},{line_no},{order_date},{name},KZ,{hs_code},{description},{brand},{part_number}");
        writeln!(text, "{row},{quantity},PCE").unwrap();
    }
    let call = move || {
        let (mut read, mut report) = (0, Report::default());
        let source = Source::from_reader("orders.csv", text.as_bytes());
        read_orders(source, &mut |line, _| drop(black_box((line, read += 1))), &mut report).unwrap();
        assert_eq!(read, ITEM_COUNT);
    };
    Work { item_count: ITEM_COUNT, call: Box::new(call) }
}

fn normalize_name() -> Work {
    let names = WORLD.orders.iter().map(|order| order.buyer.name.clone());
    Work::each(names.take(ITEM_COUNT).collect(), |name| drop(black_box(normalize::name(black_box(name)))))
}

fn prepare_name() -> Work {
    let names = WORLD.orders.iter().map(|order| normalize::name(&order.buyer.name));
    Work::each(names.take(ITEM_COUNT).collect(), |name| drop(black_box(PreparedName::new(black_box(name).clone()))))
}

/// Names of different firms, as nearly all compared pairs are.
fn match_names_of_strangers() -> Work {
    let buyers = WORLD.orders.iter().map(|order| prepared(&order.buyer.name));
    let consignors = WORLD.shipments.iter().map(|line| prepared(&line.consignor.name));
    match_pairs(buyers.zip(consignors).take(ITEM_COUNT).collect())
}

/// Names of different firms that share a word, as candidate search brings them.
fn match_names_of_namesakes_in_part() -> Work {
    let names: Vec<PreparedName> = WORLD.companies.iter().map(|company| prepared(&company.name)).collect();
    let shares = |one: &PreparedName, other: &PreparedName| {
        let (one, other) = (&one.form().tokens, &other.form().tokens);
        one != other && one.iter().any(|token| other.contains(token))
    };
    let names = &names;
    let sharing = |one| names.iter().filter(move |other| shares(one, other)).map(move |other| (one, other));
    let pairs = names.iter().flat_map(sharing);
    match_pairs(pairs.take(ITEM_COUNT).map(|(one, other)| (one.clone(), other.clone())).collect())
}

/// The two names that the register has of one firm: nothing can be ruled out early.
fn match_names_of_one_firm() -> Work {
    let names = WORLD.companies.iter().filter(|company| !company.name_latin.is_empty());
    let pairs = names.map(|company| (prepared(&company.name), prepared(&company.name_latin)));
    match_pairs(pairs.take(ITEM_COUNT).collect())
}

fn prepared(name: &str) -> PreparedName {
    PreparedName::new(normalize::name(name))
}

fn match_pairs(pairs: Vec<(PreparedName, PreparedName)>) -> Work {
    Work::each(pairs, |(one, other)| drop(black_box(match_prepared(black_box(one), black_box(other)))))
}

fn normalize_goods() -> Work {
    let lines = WORLD.orders.iter().take(ITEM_COUNT).cloned();
    Work::each(lines.collect(), |line| drop(black_box(order_goods(black_box(line)))))
}

fn compare_goods() -> Work {
    let forms = WORLD.orders.iter().map(order_goods).zip(WORLD.shipments.iter().map(shipment_goods));
    let pairs: Vec<(GoodsForm, GoodsForm)> = forms.take(ITEM_COUNT).collect();
    let brands = Brands::new(pairs.iter().filter_map(|(order, _)| order.brand.as_deref()));
    Work::each(pairs, move |(order, shipment)| drop(black_box(compare(black_box(order), black_box(shipment), &brands))))
}

/// The whole world folded, resolved and indexed; the items are records.
fn take_up_world() -> Work {
    let records = records();
    let call = move || {
        let mut holdings = Holdings::new(Policy::default(), Corridor::default());
        holdings.insert_all(records.iter().map(|record| (Some("default"), record.clone())).collect());
        black_box(holdings.settle());
    };
    Work { item_count: WORLD.orders.len() + WORLD.shipments.len() + WORLD.companies.len(), call: Box::new(call) }
}

/// All cases of the world; the items are order lines.
fn judge_cases() -> Work {
    let policy = Policy::default();
    let mut holdings = Holdings::new(policy.clone(), Corridor::default());
    holdings.insert_all(records().into_iter().map(|record| (Some("default"), record)).collect());
    holdings.settle();
    let cases: Vec<Case> = holdings.cuts().iter().map(|cut| holdings.case(cut)).collect();
    let work = Work::each(cases, move |case| drop(black_box(judge(black_box(case), &policy))));
    Work { item_count: WORLD.orders.len(), ..work }
}

fn records() -> Vec<Record> {
    let companies = WORLD.companies.iter().map(|company| Record::Company(Box::new(company.clone())));
    let shipments = WORLD.shipments.iter().map(|line| Record::Shipment(Box::new(line.clone())));
    let orders = WORLD.orders.iter().map(|line| Record::Order(Box::new(line.clone())));
    companies.chain(shipments).chain(orders).collect()
}

fn order_goods(line: &OrderLine) -> GoodsForm {
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

fn shipment_goods(line: &ShipmentLine) -> GoodsForm {
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
