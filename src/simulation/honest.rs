//! Honest trade around the stories: commodities, goods of other sellers, sales that stay in Kazakhstan.
//!
//! Much more of it than of the other kind, with the same papers, firms and goods, so that guilt by resemblance fails.

use super::block::{Block, FIRST_DAY, Goods, LAST_DAY, Paper, PaperLine, Who, World};
use super::catalogue::{COMMODITIES, Item};
use super::dice::Dice;
use super::trail::{onward_kind, preferred, transfer_kind};
use crate::model::{Day, DocumentKind};

/// Adds honest papers until the block has this many shipment lines.
pub(super) fn add_honest_trade(world: &World<'_>, block: &mut Block, line_count: u64, dice: &mut Dice) {
    let parameters = &world.options.parameters;
    let mut lines: u64 = block.papers.iter().map(|paper| paper.lines.len() as u64).sum();
    let look_alikes = 1.0
        - parameters.commodity_share
        - parameters.honest_transfer_share
        - parameters.other_arrival_share
        - parameters.other_country_share;
    let weights = [
        parameters.commodity_share,
        parameters.honest_transfer_share,
        parameters.other_arrival_share,
        parameters.other_country_share,
        look_alikes.max(0.0),
    ];
    while lines < line_count {
        let mut paper = match dice.weighted(&weights) {
            0 => commodity(block, dice),
            1 => stays_inside(world, block, dice),
            2 => other_arrival(world, block, dice),
            3 => to_neighbour(world, block, dice),
            _ => look_alike(world, block, dice),
        };
        if lines + 1 < line_count && dice.chance(0.04) {
            let goods = other_goods(world, dice);
            paper.lines.push(ordinary_line(world, goods, dice));
        }
        lines += paper.lines.len() as u64;
        block.papers.push(paper);
    }
}

fn commodity(block: &Block, dice: &mut Dice) -> Paper {
    let sender = any_sender(block, 0.12, dice);
    Paper {
        kind: onward_kind(dice),
        date: any_day(dice),
        consignor: Who::Firm(sender),
        consignee: Who::Firm(preferred(block.russians.clone(), sender, 4, dice)),
        lines: vec![commodity_line(dice)],
    }
}

fn commodity_line(dice: &mut Dice) -> PaperLine {
    let place = dice.index(COMMODITIES.len());
    let kilograms = dice.between(3_000, 400_000) as u64;
    line(Goods::Commodity(place), kilograms, COMMODITIES[place].euro_kg * dice.within(0.85, 1.2))
}

/// Other sellers' goods of the same codes on their way to Russia, sent by the same and by other firms.
fn look_alike(world: &World<'_>, block: &Block, dice: &mut Dice) -> Paper {
    let parameters = &world.options.parameters;
    let shares = [parameters.honest_by_buyer_share, parameters.honest_by_middleman_share, 1.0];
    let sender = match dice.weighted(&[shares[0], shares[1], (shares[2] - shares[0] - shares[1]).max(0.0)]) {
        0 if !block.buyers.is_empty() => block.buyers.start + dice.index(block.buyers.len()),
        1 => block.middlemen.start + dice.index(block.middlemen.len()),
        _ => block.traders.start + dice.index(block.traders.len()),
    };
    let example = (!block.orders.is_empty() && dice.chance(parameters.honest_like_order_share))
        .then(|| dice.index(block.orders.len()));
    let goods = match example {
        Some(order) => goods_like(world, world.own_item(block.orders[order].item), dice),
        None => other_goods(world, dice),
    };
    let sender = example.map_or(sender, |order| block.orders[order].buyer);
    let mut paper = Paper {
        kind: onward_kind(dice),
        date: any_day(dice),
        consignor: Who::Firm(sender),
        consignee: Who::Firm(preferred(block.russians.clone(), sender, 3, dice)),
        lines: vec![ordinary_line(world, goods, dice)],
    };
    if let Some(order) = example {
        // Trade in such goods happens while the firm trades in them at all.
        let date = block.orders[order].ship_date.plus_days(dice.between(-200, 300) as i32);
        paper.date = date.max(Day::from_number(FIRST_DAY));
        if dice.chance(parameters.honest_echo_share) {
            paper.lines[0].pieces = block.orders[order].pieces;
        }
    }
    paper
}

/// The exporter's goods and others, sold inside Kazakhstan.
fn stays_inside(world: &World<'_>, block: &Block, dice: &mut Dice) -> Paper {
    let consignee = Who::Firm(if dice.chance(0.12) {
        block.middlemen.start + dice.index(block.middlemen.len())
    } else {
        block.traders.start + dice.index(block.traders.len())
    });
    let kind = transfer_kind(dice);
    if !block.orders.is_empty() && dice.chance(0.6) {
        let order = &block.orders[dice.index(block.orders.len())];
        let stays = order.pieces - order.diverted;
        if stays > 0 && order.line.quantity.is_positive() {
            let pieces = ((stays as f64 * dice.within(0.2, 1.0)) as u64).clamp(1, stays);
            let mut line =
                line(Goods::Own(order.item), pieces, world.own_item(order.item).euro * dice.within(1.02, 1.25));
            line.lot.clone_from(&order.lot);
            line.declaration.clone_from(&order.declaration);
            return Paper {
                kind,
                date: order.arrival_date.plus_days(dice.between(3, 160) as i32),
                consignor: Who::Firm(order.buyer),
                consignee,
                lines: vec![line],
            };
        }
    }
    let goods = other_goods(world, dice);
    let lines = vec![ordinary_line(world, goods, dice)];
    Paper { kind, date: any_day(dice), consignor: Who::Firm(any_sender(block, 0.5, dice)), consignee, lines }
}

fn other_arrival(world: &World<'_>, block: &Block, dice: &mut Dice) -> Paper {
    let goods = other_goods(world, dice);
    let sellers = world.firms.vocabulary.sellers.len();
    Paper {
        kind: DocumentKind::KzImport,
        date: any_day(dice),
        consignor: Who::Seller(1 + dice.index(sellers.saturating_sub(1))),
        consignee: Who::Firm(any_sender(block, 0.4, dice)),
        lines: vec![ordinary_line(world, goods, dice)],
    }
}

fn to_neighbour(world: &World<'_>, block: &Block, dice: &mut Dice) -> Paper {
    let lines = if dice.chance(0.4) {
        vec![commodity_line(dice)]
    } else {
        let goods = other_goods(world, dice);
        vec![ordinary_line(world, goods, dice)]
    };
    Paper {
        kind: onward_kind(dice),
        date: any_day(dice),
        consignor: Who::Firm(any_sender(block, 0.2, dice)),
        consignee: Who::Firm(block.neighbours.start + dice.index(block.neighbours.len())),
        lines,
    }
}

/// Goods that the exporter did not supply; now and then under a brand, rarely under a part number that it sells too.
fn other_goods(world: &World<'_>, dice: &mut Dice) -> Goods {
    let catalogue = &world.catalogue;
    if !dice.chance(world.options.parameters.honest_same_brand_share) {
        return Goods::Other(dice.index(catalogue.same_brand_start));
    }
    if dice.chance(0.25) {
        Goods::Own(dice.index(catalogue.own.len()))
    } else {
        Goods::Other(catalogue.same_brand_start + dice.index(catalogue.other.len() - catalogue.same_brand_start))
    }
}

/// The same, of the kind of an example.
fn goods_like(world: &World<'_>, example: &Item, dice: &mut Dice) -> Goods {
    let mut goods = other_goods(world, dice);
    for _ in 0..200 {
        let good = match goods {
            Goods::Own(place) => world.catalogue.own[place].good,
            Goods::Other(place) => world.catalogue.other[place].good,
            Goods::Commodity(_) => break,
        };
        if good == example.good {
            break;
        }
        goods = other_goods(world, dice);
    }
    goods
}

fn ordinary_line(world: &World<'_>, goods: Goods, dice: &mut Dice) -> PaperLine {
    let item = match goods {
        Goods::Own(place) => &world.catalogue.own[place],
        Goods::Other(place) => &world.catalogue.other[place],
        Goods::Commodity(_) => return commodity_line(dice),
    };
    let pieces = world.usual_pieces(item.euro, dice);
    let mut line = line(goods, pieces, item.euro * dice.within(0.95, 1.45));
    if world.catalogue.good(item).is_serial && dice.chance(0.1) {
        let letters: String = item.brand.chars().take(3).collect();
        line.serials = vec![format!("{}{:08}", letters.to_uppercase(), dice.below(100_000_000))];
    }
    if dice.chance(0.25) {
        line.declaration = format!(
            "{}/{:02}{:02}{}/{:07}",
            55_302,
            dice.between(1, 28),
            dice.between(1, 12),
            22,
            dice.below(9_999_999)
        );
    }
    line
}

fn line(goods: Goods, pieces: u64, unit_price: f64) -> PaperLine {
    PaperLine {
        goods,
        pieces,
        unit_price,
        serials: Vec::new(),
        lot: String::new(),
        declaration: String::new(),
        sources: Vec::new(),
    }
}

fn any_sender(block: &Block, buyer_share: f64, dice: &mut Dice) -> usize {
    if !block.buyers.is_empty() && dice.chance(buyer_share) {
        block.buyers.start + dice.index(block.buyers.len())
    } else {
        block.traders.start + dice.index(block.traders.len())
    }
}

fn any_day(dice: &mut Dice) -> Day {
    Day::from_number(FIRST_DAY).plus_days(dice.below((LAST_DAY - FIRST_DAY + 120) as u64) as i32)
}
