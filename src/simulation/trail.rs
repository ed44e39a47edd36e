//! What happens to the exporter's goods: arrivals, and the ways by which some of them go on to Russia.
//!
//! Stories: direct, split, merged, late, through one or two firms, never arrived. Re-coding, re-packing and
//! re-spelling happen on the papers themselves, see `papers`.

use super::block::{Block, Goods, Paper, PaperLine, Source, Who, World};
use super::dice::Dice;
use super::firm::Role;
use crate::model::{Day, DocumentKind};

/// Goods of one order ready to cross.
struct Consignment {
    sender: usize,
    receiver: usize,
    kind: DocumentKind,
    date: Day,
    order: usize,
    good: usize,
    pieces: u64,
    chain: Vec<usize>,
    unit_price: f64,
}

/// Consignments this many days apart may travel together.
const TOGETHER_DAYS: i32 = 21;
const LINES_OF_A_PAPER_MAX: usize = 6;

/// Adds the papers of all orders of a block.
pub(super) fn add_trails(world: &World<'_>, block: &mut Block, dice: &mut Dice) {
    let parameters = &world.options.parameters;
    let mut consignments = Vec::new();
    for place in 0..block.orders.len() {
        let order = &block.orders[place];
        let is_diverting = block.firms[order.buyer].role == Role::Buyer { is_diverting: true };
        let is_diverted = is_diverting && dice.chance(parameters.diverted_order_share);
        let is_false_transit = is_diverted && dice.chance(parameters.false_transit_share);
        if !is_false_transit && dice.chance(parameters.arrival_seen_share) {
            let paper = arrival(world, block, place);
            block.papers.push(paper);
        }
        if is_diverted {
            divert(world, block, place, is_false_transit, dice, &mut consignments);
        }
    }
    ship(world, block, consignments, dice);
}

fn arrival(world: &World<'_>, block: &Block, place: usize) -> Paper {
    let order = &block.orders[place];
    Paper {
        kind: DocumentKind::KzImport,
        date: order.arrival_date,
        consignor: Who::Seller(0),
        consignee: Who::Firm(order.buyer),
        lines: vec![carried(world, block, place, order.pieces, 1.0)],
    }
}

/// A line with an order's goods that is not itself an onward line.
fn carried(world: &World<'_>, block: &Block, place: usize, pieces: u64, markup: f64) -> PaperLine {
    let order = &block.orders[place];
    PaperLine {
        goods: Goods::Own(order.item),
        pieces,
        unit_price: world.own_item(order.item).euro * markup,
        serials: order.line.serial_numbers.clone(),
        lot: order.lot.clone(),
        declaration: order.declaration.clone(),
        sources: Vec::new(),
    }
}

fn divert(
    world: &World<'_>,
    block: &mut Block,
    place: usize,
    is_false_transit: bool,
    dice: &mut Dice,
    consignments: &mut Vec<Consignment>,
) {
    let parameters = &world.options.parameters;
    let (ordered, item) = (block.orders[place].pieces, block.orders[place].item);
    let total = if dice.chance(parameters.whole_lot_share) {
        ordered
    } else {
        ((ordered as f64 * dice.deciles(&parameters.diverted_fraction)) as u64).clamp(1, ordered)
    };
    let hops = if is_false_transit { 0 } else { dice.weighted(&parameters.hop_weights) };
    let (sender, chain, ready) = pass_on(world, block, place, total, hops, dice);
    let markup = dice.deciles(&parameters.markup);
    let mut date = if is_false_transit {
        block.orders[place].ship_date.plus_days(dice.days(&parameters.false_transit_days))
    } else {
        let wait = if hops == 0 { dice.days(&parameters.dwell_days) } else { dice.days(&parameters.hop_days) };
        let late = if dice.chance(parameters.late_share) { dice.between(60, 150) as i32 } else { 0 };
        ready.plus_days(wait + late)
    };
    let count = if is_false_transit { 1 } else { dice.weighted(&parameters.part_weights) as u64 + 1 };
    let parts = split(total, count, dice);
    let mut diverted = 0;
    for pieces in parts {
        let kind = if is_false_transit { DocumentKind::RuDeclaration } else { onward_kind(dice) };
        let receiver = preferred(block.russians.clone(), sender, 3, dice);
        diverted += pieces;
        consignments.push(Consignment {
            sender,
            receiver,
            kind,
            date,
            order: place,
            good: world.own_item(item).good,
            pieces,
            chain: chain.clone(),
            unit_price: world.own_item(item).euro * markup,
        });
        date = date.plus_days(dice.between(0, 16) as i32);
    }
    debug_assert!(diverted <= ordered);
    block.orders[place].diverted = diverted;
}

/// Sells the goods on inside Kazakhstan `hops` times. Gives who has them then, by which papers, since when.
fn pass_on(
    world: &World<'_>,
    block: &mut Block,
    place: usize,
    total: u64,
    hops: usize,
    dice: &mut Dice,
) -> (usize, Vec<usize>, Day) {
    let order = &block.orders[place];
    let (mut holder, mut ready) = (order.buyer, order.arrival_date);
    // Now and then the next firm takes a little more than goes on.
    let spare = order.pieces - total;
    let mut moved = total + if dice.chance(0.25) { dice.below(spare / 2 + 1) } else { 0 };
    let mut chain = Vec::with_capacity(hops);
    for hop in 0..hops {
        let mut next = preferred(block.middlemen.clone(), holder, 2, dice);
        if next == holder {
            next = if next + 1 < block.middlemen.end { next + 1 } else { block.middlemen.start };
        }
        let days = if hop == 0 { &world.options.parameters.dwell_days } else { &world.options.parameters.hop_days };
        ready = ready.plus_days(dice.days(days));
        let kind = if dice.chance(0.8) { DocumentKind::Snt } else { transfer_kind(dice) };
        let markup = dice.within(1.0, 1.12);
        let lines = vec![carried(world, block, place, moved, markup)];
        chain.push(block.papers.len());
        block.papers.push(Paper { kind, date: ready, consignor: Who::Firm(holder), consignee: Who::Firm(next), lines });
        holder = next;
        moved = total + (moved - total) / 2;
    }
    (holder, chain, ready)
}

/// Cuts a total into at most `count` parts of at least one piece.
fn split(total: u64, count: u64, dice: &mut Dice) -> Vec<u64> {
    let count = count.clamp(1, total.max(1));
    let mut parts = Vec::with_capacity(count as usize);
    let mut left = total;
    for rest in (1..count).rev() {
        let fair = left as f64 / (rest + 1) as f64;
        let part = ((fair * dice.within(0.4, 1.6)) as u64).clamp(1, left - rest);
        parts.push(part);
        left -= part;
    }
    parts.push(left);
    parts
}

/// One of the few firms that a sender usually deals with.
pub(super) fn preferred(range: std::ops::Range<usize>, sender: usize, choice: u64, dice: &mut Dice) -> usize {
    let usual = sender * 7 + dice.below(choice) as usize * 13;
    if dice.chance(0.85) { range.start + usual % range.len().max(1) } else { range.start + dice.index(range.len()) }
}

/// Kinds of papers on which goods go to Russia, as often as feeds show them.
pub(super) fn onward_kind(dice: &mut Dice) -> DocumentKind {
    const KINDS: [DocumentKind; 4] = [DocumentKind::Snt, DocumentKind::Cmr, DocumentKind::Smgs, DocumentKind::StatForm];
    KINDS[dice.weighted(&[0.455, 0.29, 0.15, 0.105])]
}

/// Kinds of papers on which goods move inside Kazakhstan.
pub(super) fn transfer_kind(dice: &mut Dice) -> DocumentKind {
    const KINDS: [DocumentKind; 4] = [DocumentKind::Snt, DocumentKind::Cmr, DocumentKind::Smgs, DocumentKind::Esf];
    KINDS[dice.weighted(&[0.55, 0.25, 0.1, 0.1])]
}

/// Writes consignments on papers, some of them together.
fn ship(world: &World<'_>, block: &mut Block, mut consignments: Vec<Consignment>, dice: &mut Dice) {
    consignments.sort_by_key(|consignment| {
        (consignment.kind == DocumentKind::RuDeclaration, consignment.sender, consignment.date, consignment.order)
    });
    let mut open: Vec<usize> = Vec::new();
    for consignment in consignments {
        open.retain(|paper| {
            let paper = &block.papers[*paper];
            paper.consignor == Who::Firm(consignment.sender)
                && paper.kind != DocumentKind::RuDeclaration
                && consignment.kind != DocumentKind::RuDeclaration
                && consignment.date.days_since(paper.date) <= TOGETHER_DAYS
        });
        if join(world, block, &open, &consignment, dice) {
            continue;
        }
        let line = crossing(block, &consignment);
        open.push(block.papers.len());
        block.papers.push(Paper {
            kind: consignment.kind,
            date: consignment.date,
            consignor: Who::Firm(consignment.sender),
            consignee: Who::Firm(consignment.receiver),
            lines: vec![line],
        });
    }
}

/// Puts a consignment on one of its sender's open papers: on a line with like goods, or on a line of its own.
fn join(world: &World<'_>, block: &mut Block, open: &[usize], consignment: &Consignment, dice: &mut Dice) -> bool {
    let parameters = &world.options.parameters;
    let new_line = crossing(block, consignment);
    let is_like = |line: &PaperLine| match line.goods {
        Goods::Own(item) => world.own_item(item).good == consignment.good,
        _ => false,
    };
    let has_same_order = |paper: &Paper| {
        paper.lines.iter().flat_map(|line| &line.sources).any(|source| source.order == consignment.order)
    };
    let candidates = || open.iter().rev().copied().filter(|paper| !has_same_order(&block.papers[*paper]));
    let alike = candidates().find(|paper| block.papers[*paper].lines.iter().any(is_like));
    let last = candidates().next().filter(|paper| block.papers[*paper].lines.len() < LINES_OF_A_PAPER_MAX);
    let place = match (alike, last) {
        (Some(alike), _) if dice.chance(parameters.merge_share) => alike,
        (None, Some(last)) if dice.chance(parameters.shared_paper_share) => last,
        _ => return false,
    };
    let paper = &mut block.papers[place];
    paper.date = paper.date.max(consignment.date);
    match paper.lines.iter_mut().find(|line| is_like(line)) {
        Some(line) => {
            line.pieces += new_line.pieces;
            line.sources.extend(new_line.sources);
            line.serials.extend(new_line.serials);
        }
        None => paper.lines.push(new_line),
    }
    true
}

fn crossing(block: &Block, consignment: &Consignment) -> PaperLine {
    let order = &block.orders[consignment.order];
    PaperLine {
        goods: Goods::Own(order.item),
        pieces: consignment.pieces,
        unit_price: consignment.unit_price,
        serials: order.line.serial_numbers.clone(),
        lot: order.lot.clone(),
        declaration: if consignment.kind == DocumentKind::RuDeclaration {
            String::new()
        } else {
            order.declaration.clone()
        },
        sources: vec![Source {
            order: consignment.order,
            pieces: consignment.pieces,
            chain: consignment.chain.clone(),
        }],
    }
}
