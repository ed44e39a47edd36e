//! Makes a world block by block and hands it to a sink as it goes.
//!
//! The order of rows follows from the seed; within a block it is random, so that no paper's place tells its story.

use std::io;

use super::block::{Block, BlockSize, LARGE_FIRMS, Paper, Who, World, firm_counts};
use super::catalogue::Catalogue;
use super::dice::{Dice, Purpose};
use super::firm::{FirmMaker, Role};
use super::honest::add_honest_trade;
use super::papers::{document_number, written_line};
use super::trail::add_trails;
use super::words::FAMILIAR;
use super::words_unseen::UNSEEN;
use super::{Profile, TruthLink, TruthOrder, TruthParty, TruthPartyKind, WorldOptions, WorldSink};
use crate::model::Amount;

/// What was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WorldSummary {
    /// Rows of the register.
    pub company_count: u64,
    /// Order lines.
    pub order_count: u64,
    /// Order lines of which something went on.
    pub diverted_order_count: u64,
    /// Shipment lines.
    pub shipment_count: u64,
    /// Papers those lines stand on.
    pub document_count: u64,
    /// True links.
    pub link_count: u64,
}

/// Order lines of a block: enough for a lively neighbourhood, little enough to hold.
const BLOCK_ORDERS: u64 = 2_048;
/// Shipment lines of a block.
const BLOCK_SHIPMENTS: u64 = 20_480;

/// Makes a world. Memory does not grow with its size; the same options give the same rows in the same order.
///
/// # Errors
///
/// Only what the sink returns.
pub fn generate(options: &WorldOptions, sink: &mut dyn WorldSink) -> io::Result<WorldSummary> {
    let blocks =
        options.order_count.div_ceil(BLOCK_ORDERS).max(options.shipment_count.div_ceil(BLOCK_SHIPMENTS)).max(1);
    let world = world(options, blocks);
    let mut summary = WorldSummary::default();
    let mut shipments_aimed = 0;
    for number in 0..blocks {
        let share = |total: u64, block: u64| (u128::from(total) * u128::from(block) / u128::from(blocks)) as u64;
        let size = BlockSize {
            orders: share(options.order_count, number + 1) - share(options.order_count, number),
            shipments: share(options.shipment_count, number + 1) - share(options.shipment_count, number),
            first_order: share(options.order_count, number),
        };
        shipments_aimed += size.shipments;
        let mut block = Block::with_orders(&world, number, size);
        let mut dice = Dice::of(options.seed, Purpose::Story, u64::MAX - number);
        add_trails(&world, &mut block, &mut dice);
        let mut dice = Dice::of(options.seed, Purpose::Honest, number);
        // A block whose stories needed more than its share leaves less to the next.
        let left = shipments_aimed.saturating_sub(summary.shipment_count);
        add_honest_trade(&world, &mut block, left, &mut dice);
        write_block(&world, &block, number, &mut summary, sink)?;
    }
    Ok(summary)
}

fn world(options: &WorldOptions, blocks: u64) -> World<'_> {
    let counts = firm_counts(options, options.order_count.div_ceil(blocks), options.shipment_count.div_ceil(blocks));
    let firms_of_block = counts.iter().sum::<u64>() + 2 * LARGE_FIRMS;
    let firms = FirmMaker {
        seed: options.seed,
        parameters: &options.parameters,
        vocabulary: if options.profile == Profile::Unseen { &UNSEEN } else { &FAMILIAR },
        firm_count: 2 * LARGE_FIRMS + blocks * firms_of_block,
    };
    let large = (0..2 * LARGE_FIRMS)
        .map(|number| firms.make(number, if number < LARGE_FIRMS { Role::Trader } else { Role::Russian }))
        .collect();
    let catalogue = Catalogue::of(options.seed, options.profile);
    World { options, catalogue, firms, large, firms_of_block }
}

fn write_block(
    world: &World<'_>,
    block: &Block,
    number: u64,
    summary: &mut WorldSummary,
    sink: &mut dyn WorldSink,
) -> io::Result<()> {
    let mut dice = Dice::of(world.options.seed, Purpose::Shuffle, number.wrapping_mul(2));
    write_companies(world, block, number, summary, &mut dice, sink)?;
    write_orders(block, summary, &mut dice, sink)?;

    // Papers are numbered in random order: a number must not tell whether a story stands behind it.
    let mut numbers: Vec<u64> = (0..block.papers.len() as u64).map(|place| summary.document_count + place).collect();
    dice.shuffle(&mut numbers);
    let mut lines: Vec<(usize, usize)> = Vec::new();
    for (place, paper) in block.papers.iter().enumerate() {
        write_parties(block, paper, numbers[place], sink)?;
        lines.extend((0..paper.lines.len()).map(|line| (place, line)));
    }
    dice.shuffle(&mut lines);
    for (place, line) in &lines {
        sink.shipment(&written_line(world, block, &block.papers[*place], numbers[*place], *line))?;
    }
    write_links(block, &numbers, summary, sink)?;
    summary.shipment_count += lines.len() as u64;
    summary.document_count += block.papers.len() as u64;
    Ok(())
}

fn write_companies(
    world: &World<'_>,
    block: &Block,
    number: u64,
    summary: &mut WorldSummary,
    dice: &mut Dice,
    sink: &mut dyn WorldSink,
) -> io::Result<()> {
    let half = world.large.len() / 2;
    let is_large = |place: &usize| {
        [&block.traders, &block.russians].into_iter().any(|range| (range.start..range.start + half).contains(place))
    };
    let mut places: Vec<usize> = (0..block.firms.len()).filter(|place| number == 0 || !is_large(place)).collect();
    dice.shuffle(&mut places);
    for firm in places.into_iter().map(|place| &block.firms[place]).filter(|firm| firm.is_registered) {
        sink.company(&firm.register_row())?;
        summary.company_count += 1;
    }
    Ok(())
}

fn write_orders(
    block: &Block,
    summary: &mut WorldSummary,
    dice: &mut Dice,
    sink: &mut dyn WorldSink,
) -> io::Result<()> {
    let mut places: Vec<usize> = (0..block.orders.len()).collect();
    dice.shuffle(&mut places);
    for order in places.into_iter().map(|place| &block.orders[place]) {
        sink.order(&order.line)?;
        sink.truth_order(&TruthOrder {
            order_id: order.line.key.order_id.clone(),
            line_no: order.line.key.line_no,
            quantity: Amount::from_whole(order.pieces as i64),
            diverted: Amount::from_whole(order.diverted as i64),
        })?;
        if order.line.key.line_no == 1 {
            sink.truth_party(&TruthParty {
                kind: TruthPartyKind::Order,
                reference: order.line.key.order_id.clone(),
                company: block.firms[order.buyer].identifier.clone(),
            })?;
        }
        summary.order_count += 1;
        summary.diverted_order_count += u64::from(order.diverted > 0);
    }
    Ok(())
}

fn write_parties(block: &Block, paper: &Paper, number: u64, sink: &mut dyn WorldSink) -> io::Result<()> {
    for (kind, who) in [(TruthPartyKind::Shipment, paper.consignor), (TruthPartyKind::Consignee, paper.consignee)] {
        let company = match who {
            Who::Seller(0) => "exporter".to_owned(),
            Who::Seller(place) => format!("seller-{place}"),
            Who::Firm(place) => block.firms[place].identifier.clone(),
        };
        sink.truth_party(&TruthParty { kind, reference: document_number(number), company })?;
    }
    Ok(())
}

fn write_links(block: &Block, numbers: &[u64], summary: &mut WorldSummary, sink: &mut dyn WorldSink) -> io::Result<()> {
    for (place, paper) in block.papers.iter().enumerate() {
        for (line_place, line) in paper.lines.iter().enumerate() {
            for source in &line.sources {
                let key = &block.orders[source.order].line.key;
                sink.truth_link(&TruthLink {
                    order_id: key.order_id.clone(),
                    line_no: key.line_no,
                    document_number: document_number(numbers[place]),
                    document_line: line_place as u32 + 1,
                    quantity: Amount::from_whole(source.pieces as i64),
                    hops: source.chain.len() as u32,
                    chain: source.chain.iter().map(|between| document_number(numbers[*between])).collect(),
                })?;
                summary.link_count += 1;
            }
        }
    }
    Ok(())
}
