//! One block of a world: some buyers with their orders, the firms around them, and all papers of their stories.
//!
//! Blocks are made and written one after another, so that memory does not grow with the world. Only a few large
//! firms appear in all of them.

use std::ops::Range;

use super::WorldOptions;
use super::catalogue::{Catalogue, Item};
use super::dice::{Dice, Purpose};
use super::firm::{Firm, FirmMaker, Role};
use super::spelling;
use crate::model::{Amount, Country, Day, DocumentKind, HsCode, OrderKey, OrderLine, Party, Unit};

/// 1 January 2022.
pub(super) const FIRST_DAY: i32 = 18_993;
/// 30 April 2024.
pub(super) const LAST_DAY: i32 = 19_843;

/// What every block is made from.
pub(super) struct World<'a> {
    /// What was asked for.
    pub(super) options: &'a WorldOptions,
    /// What is traded.
    pub(super) catalogue: Catalogue,
    /// Makes firms.
    pub(super) firms: FirmMaker<'a>,
    /// Large firms that appear in every block: traders, then Russian receivers.
    pub(super) large: Vec<Firm>,
    /// How many firms a block has at most.
    pub(super) firms_of_block: u64,
}

/// A party of a paper.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Who {
    /// A seller abroad; the exporter is number zero.
    Seller(usize),
    /// A firm of the block.
    Firm(usize),
}

/// What a paper line carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Goods {
    /// An item that the exporter sells.
    Own(usize),
    /// An item that only others sell.
    Other(usize),
    /// A commodity, in kilograms.
    Commodity(usize),
}

/// Part of an order line on a paper line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Source {
    /// Place in [`Block::orders`].
    pub(super) order: usize,
    /// How many pieces.
    pub(super) pieces: u64,
    /// Papers between, as places in [`Block::papers`].
    pub(super) chain: Vec<usize>,
}

/// A line of a paper before it is spelt.
#[derive(Clone, Debug)]
pub(super) struct PaperLine {
    /// What.
    pub(super) goods: Goods,
    /// How many pieces, or kilograms of a commodity.
    pub(super) pieces: u64,
    /// Price of one in euros.
    pub(super) unit_price: f64,
    /// Serial numbers that the paper could show.
    pub(super) serials: Vec<String>,
    /// Lot that the paper could show.
    pub(super) lot: String,
    /// Import declaration that the paper could name.
    pub(super) declaration: String,
    /// Orders whose goods cross the border here; empty for all other lines.
    pub(super) sources: Vec<Source>,
}

/// A paper before it is spelt.
#[derive(Clone, Debug)]
pub(super) struct Paper {
    /// Kind.
    pub(super) kind: DocumentKind,
    /// Date.
    pub(super) date: Day,
    /// Who sends.
    pub(super) consignor: Who,
    /// Who receives.
    pub(super) consignee: Who,
    /// Its lines.
    pub(super) lines: Vec<PaperLine>,
}

/// An order line with what only its story knows.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The record.
    pub(super) line: OrderLine,
    /// Place of the buyer in [`Block::firms`].
    pub(super) buyer: usize,
    /// Place of the item in the exporter's catalogue.
    pub(super) item: usize,
    /// Pieces ordered.
    pub(super) pieces: u64,
    /// Pieces gone on.
    pub(super) diverted: u64,
    /// Day the goods left.
    pub(super) ship_date: Day,
    /// Day the goods arrive, if they do.
    pub(super) arrival_date: Day,
    /// Import declaration, if they arrive.
    pub(super) declaration: String,
    /// Its lot.
    pub(super) lot: String,
}

/// A block.
pub(super) struct Block {
    /// Firms; the ranges below are places in it.
    pub(super) firms: Vec<Firm>,
    /// The exporter's buyers.
    pub(super) buyers: Range<usize>,
    /// Firms between.
    pub(super) middlemen: Range<usize>,
    /// Other Kazakh firms.
    pub(super) traders: Range<usize>,
    /// Russian receivers.
    pub(super) russians: Range<usize>,
    /// Receivers elsewhere.
    pub(super) neighbours: Range<usize>,
    /// Order lines.
    pub(super) orders: Vec<Order>,
    /// Papers.
    pub(super) papers: Vec<Paper>,
}

/// How many of each a block gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockSize {
    /// Order lines.
    pub(super) orders: u64,
    /// Shipment lines aimed at.
    pub(super) shipments: u64,
    /// Number of the first order line in the world.
    pub(super) first_order: u64,
}

/// How many large firms of either kind a world has.
pub(super) const LARGE_FIRMS: u64 = 16;

/// Firms of each role for a block of this size.
pub(super) fn firm_counts(options: &WorldOptions, orders: u64, shipments: u64) -> [u64; 5] {
    let buyers = (orders as f64 / options.parameters.orders_per_buyer).ceil() as u64;
    [buyers, (buyers / 16).max(2), (shipments / 42).max(4), (shipments / 68).max(3), 3]
}

impl Block {
    /// The firms and orders of a block, without any papers yet.
    pub(super) fn with_orders(world: &World<'_>, number: u64, size: BlockSize) -> Self {
        let mut block = Self::with_firms(world, number, size);
        let mut dice = Dice::of(world.options.seed, Purpose::Story, number);
        let parameters = &world.options.parameters;
        for index in 0..size.orders {
            let previous = block.orders.last().filter(|_| dice.chance(parameters.order_further_line_share));
            let (buyer, key, ordered) = match previous {
                Some(order) => {
                    let key = OrderKey { line_no: order.line.key.line_no + 1, ..order.line.key.clone() };
                    (order.buyer, key, Some(order.line.order_date))
                }
                None => {
                    let buyer = block.buyers.start + dice.index(block.buyers.len());
                    let key = OrderKey { order_id: format!("SO{:07}", size.first_order + index), line_no: 1 };
                    (buyer, key, None)
                }
            };
            let (item, repeated) = block.choose_item(world, buyer, &mut dice);
            let order_date = ordered.or(repeated).unwrap_or_else(|| order_day(&block.firms[buyer], &mut dice));
            let order = make_order(world, &block.firms[buyer], key, order_date, item, &mut dice);
            block.orders.push(Order { buyer, ..order });
        }
        block
    }

    fn with_firms(world: &World<'_>, number: u64, size: BlockSize) -> Self {
        let mut dice = Dice::of(world.options.seed, Purpose::Shuffle, number.wrapping_mul(2) + 1);
        let parameters = &world.options.parameters;
        let offset = dice.within(0.0, 1.0 / parameters.diverting_buyer_share.max(0.001));
        let counts = firm_counts(world.options, size.orders, size.shipments);
        let mut firms: Vec<Firm> = Vec::with_capacity(world.firms_of_block as usize + world.large.len());
        let mut ranges = Vec::with_capacity(counts.len());
        for (rank, count) in counts.into_iter().enumerate() {
            let start = firms.len();
            if rank == 2 || rank == 3 {
                let half = world.large.len() / 2;
                firms.extend_from_slice(&world.large[(rank - 2) * half..(rank - 1) * half]);
            }
            for index in 0..count {
                // Every so manieth buyer, so that small worlds keep to the share too.
                let step = |place: u64| ((place as f64 + offset) * parameters.diverting_buyer_share) as u64;
                let is_diverting = step(index + 1) > step(index);
                let role = match rank {
                    0 => Role::Buyer { is_diverting },
                    1 => Role::Middleman,
                    2 => Role::Trader,
                    3 => Role::Russian,
                    _ => Role::Neighbour,
                };
                let place = 2 * LARGE_FIRMS + number * world.firms_of_block + firms.len() as u64;
                let mut firm = world.firms.make(place, role);
                if !firms.is_empty() && dice.chance(parameters.namesake_share) {
                    firm.words.clone_from(&firms[dice.index(firms.len())].words);
                }
                firms.push(firm);
            }
            ranges.push(start..firms.len());
        }
        let mut ranges = ranges.into_iter();
        let mut next = || ranges.next().unwrap_or_default();
        let (buyers, middlemen, traders, russians, neighbours) = (next(), next(), next(), next(), next());
        Self { firms, buyers, middlemen, traders, russians, neighbours, orders: Vec::new(), papers: Vec::new() }
    }

    /// What a buyer orders next, and on which day if it follows soon upon an earlier order of the same.
    fn choose_item(&self, world: &World<'_>, buyer: usize, dice: &mut Dice) -> (usize, Option<Day>) {
        if dice.chance(world.options.parameters.reorder_share) {
            let earlier: Vec<&Order> = self.orders.iter().filter(|order| order.buyer == buyer).collect();
            if !earlier.is_empty() {
                let example = earlier[dice.index(earlier.len())];
                let soon = example.line.order_date.plus_days(dice.between(1, 30) as i32);
                let is_soon = soon.number() <= LAST_DAY && dice.chance(0.6);
                return (example.item, is_soon.then_some(soon));
            }
        }
        (dice.index(world.catalogue.own.len()), None)
    }
}

impl World<'_> {
    /// An item of the exporter.
    pub(super) fn own_item(&self, place: usize) -> &Item {
        &self.catalogue.own[place]
    }

    /// How many pieces of an item a line of ordinary value has.
    pub(super) fn usual_pieces(&self, euro: f64, dice: &mut Dice) -> u64 {
        (dice.deciles(&self.options.parameters.order_value_eur) / euro.max(0.01)).round().clamp(1.0, 400_000.0) as u64
    }
}

/// Buyers order between their foundation and the last day.
fn order_day(buyer: &Firm, dice: &mut Dice) -> Day {
    let first = FIRST_DAY.max(buyer.registered.number() + 20).min(LAST_DAY);
    Day::from_number(first).plus_days(dice.below((LAST_DAY - first) as u64 + 1) as i32)
}

fn make_order(
    world: &World<'_>,
    buyer: &Firm,
    key: OrderKey,
    order_date: Day,
    item_place: usize,
    dice: &mut Dice,
) -> Order {
    let parameters = &world.options.parameters;
    let item = world.own_item(item_place);
    let good = world.catalogue.good(item);
    let pieces = world.usual_pieces(item.euro, dice);
    let unit_price = item.euro * dice.within(0.92, 1.08);
    let ship_date = order_date.plus_days(dice.between(1, 5) as i32);
    let arrival_date = ship_date.plus_days(dice.days(&parameters.transit_days));
    let lot = format!("L{}{:05}", ship_date.calendar().0 % 100, dice.below(100_000));
    let (year, month, day) = arrival_date.calendar();
    let post = dice.pick(&["55302", "50520", "55305", "57202"]);
    let declaration = format!("{post}/{day:02}{month:02}{:02}/{:07}", year % 100, dice.below(10_000_000));
    let line = OrderLine {
        key,
        order_date,
        ship_date: Some(ship_date),
        buyer: buyer_mention(world, buyer, dice),
        consignee: forwarder(world, dice),
        end_user: end_user(world, buyer, dice),
        payer: payer(world, buyer, dice),
        destination_country: Some(Country::KZ),
        incoterms: dice.pick(&["FCA", "CPT", "DAP", "EXW", ""]).to_owned(),
        hs_code: HsCode::from_digits(good.code_eight),
        description: if dice.chance(0.35) { good.german } else { dice.pick(&good.english) }.to_owned(),
        brand: item.brand.to_owned(),
        part_number: item.part_number.clone(),
        gtin: if dice.chance(0.35) { item.gtin.clone() } else { String::new() },
        serial_numbers: if good.is_serial && dice.chance(0.55) { serials(item, pieces, dice) } else { Vec::new() },
        lot_numbers: if dice.chance(0.2) { vec![lot.clone()] } else { Vec::new() },
        quantity: Amount::from_whole(pieces as i64),
        unit: Unit::Piece,
        net_weight_kg: Some(rounded(pieces as f64 * item.grams / 1000.0)),
        value: Some(rounded(pieces as f64 * unit_price)),
        currency: "EUR".to_owned(),
        export_declaration: if dice.chance(0.4) { mrn(ship_date, dice) } else { String::new() },
        no_reexport_clause: dice.chance(0.6).then(|| order_date.number() > 19_800 || dice.chance(0.3)),
    };
    Order { line, buyer: 0, item: item_place, pieces, diverted: 0, ship_date, arrival_date, declaration, lot }
}

fn buyer_mention(world: &World<'_>, buyer: &Firm, dice: &mut Dice) -> Party {
    let parameters = &world.options.parameters;
    let identifier = if dice.chance(parameters.order_identifier_missing_share) {
        String::new()
    } else if dice.chance(parameters.identifier_wrong_share) {
        spelling::mistyped_number(&buyer.identifier, dice)
    } else {
        buyer.identifier.clone()
    };
    let email = if dice.chance(0.3) { format!("office@{}", buyer.email_domain()) } else { String::new() };
    Party {
        name: spelling::latin_mention(buyer, parameters, dice),
        identifier,
        country: Some(buyer.country),
        address: spelling::latin_address(buyer, parameters, dice),
        phone: if dice.chance(parameters.phone_shown_share) { buyer.phone.clone() } else { String::new() },
        email,
    }
}

/// The forwarder to whom the goods go first, on some orders.
fn forwarder(world: &World<'_>, dice: &mut Dice) -> Party {
    if !dice.chance(world.options.parameters.forwarder_consignee_share) {
        return Party::default();
    }
    let name = dice.pick(world.firms.vocabulary.carriers).to_owned();
    Party { name, country: Some(Country::KZ), ..Party::default() }
}

/// The buyer itself, where the order names an end user.
fn end_user(world: &World<'_>, buyer: &Firm, dice: &mut Dice) -> Party {
    let parameters = &world.options.parameters;
    if !dice.chance(parameters.end_user_stated_share) {
        return Party::default();
    }
    let name = spelling::latin_mention(buyer, parameters, dice);
    Party { name, country: Some(buyer.country), ..Party::default() }
}

/// Somebody abroad who pays instead of the buyer, on some orders.
fn payer(world: &World<'_>, buyer: &Firm, dice: &mut Dice) -> Party {
    let parameters = &world.options.parameters;
    let share = match buyer.role {
        Role::Buyer { is_diverting: true } => parameters.foreign_payer_share_diverting,
        _ => parameters.foreign_payer_share_honest,
    };
    if !dice.chance(share) {
        return Party::default();
    }
    let (country, ending) =
        dice.pick(&[("AE", "General Trading FZE"), ("HK", "Industrial Limited"), ("TR", "Dış Ticaret")]);
    let name = format!("{} {ending}", dice.pick(world.firms.vocabulary.payers));
    Party { name, country: Country::parse(country), ..Party::default() }
}

fn serials(item: &Item, pieces: u64, dice: &mut Dice) -> Vec<String> {
    let letters: String = item.brand.chars().filter(char::is_ascii_alphabetic).take(3).collect();
    (0..pieces.min(5)).map(|_| format!("{}{:08}", letters.to_uppercase(), dice.below(100_000_000))).collect()
}

fn mrn(ship_date: Day, dice: &mut Dice) -> String {
    format!("{:02}DE{:013}E{}", ship_date.calendar().0 % 100, dice.below(10_000_000_000_000), dice.below(10))
}

/// Cents and tens of grams, as papers print them.
pub(super) fn rounded(number: f64) -> Amount {
    Amount::from_millionths(((number * 100.0).round().max(1.0)) as i64 * 10_000)
}
