//! What is traded in a world: goods, brands, parts, and commodities made in Kazakhstan.
//!
//! Brands and part numbers are invented. Codes and their neighbours are real, weights and prices plausible.

use super::Profile;
use super::dice::{Dice, Purpose};
use super::identifiers::example_gtin;

/// A kind of goods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Good {
    /// Eight digits, as the exporter codes it.
    pub(super) code_eight: &'static str,
    /// Ten digits, as Kazakh and Russian papers code it.
    pub(super) code_ten: &'static str,
    /// Ten digits of a neighbour in the same heading.
    pub(super) neighbour: &'static str,
    /// Ten digits of a similar good under another heading.
    pub(super) other_heading: &'static str,
    /// In English.
    pub(super) english: [&'static str; 2],
    /// In German.
    pub(super) german: &'static str,
    /// In Russian.
    pub(super) russian: [&'static str; 2],
    /// Weight of a piece in grams.
    pub(super) grams: f64,
    /// Price of a piece in euros.
    pub(super) euro: f64,
    /// Pieces bear serial numbers.
    pub(super) is_serial: bool,
    /// Brands; the exporter sells the first `EXPORTER_BRANDS`.
    pub(super) brands: &'static [&'static str],
}

/// Goods made in Kazakhstan and sold to Russia by weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Commodity {
    /// Ten digits.
    pub(super) code_ten: &'static str,
    /// In Russian.
    pub(super) russian: &'static str,
    /// In English.
    pub(super) english: &'static str,
    /// Price of a kilogram in euros.
    pub(super) euro_kg: f64,
}

/// One article: a part of one brand.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Which good.
    pub(super) good: usize,
    /// Whose mark.
    pub(super) brand: &'static str,
    /// Maker's number.
    pub(super) part_number: String,
    /// Thirteen digits.
    pub(super) gtin: String,
    /// Weight of a piece in grams.
    pub(super) grams: f64,
    /// Price of a piece in euros.
    pub(super) euro: f64,
}

/// Everything traded in a world.
pub(super) struct Catalogue {
    /// Kinds of goods.
    pub(super) goods: &'static [Good],
    /// What the exporter sells.
    pub(super) own: Vec<Item>,
    /// What only others sell: other brands first, then other parts of the exporter's brands.
    pub(super) other: Vec<Item>,
    /// Where those other parts begin in `other`.
    pub(super) same_brand_start: usize,
}

/// Kazakh-made goods.
pub(super) const COMMODITIES: &[Commodity] = &[
    commodity("1001190000", "Пшеница твердая", "Durum wheat", 0.27),
    commodity("3102101000", "Карбамид (мочевина)", "Urea", 0.42),
    commodity("7208512000", "Прокат плоский горячекатаный", "Hot-rolled flat steel", 0.75),
    commodity("7202411000", "Феррохром", "Ferro-chromium", 1.9),
    commodity("2701121000", "Уголь каменный коксующийся", "Coking coal", 0.09),
    commodity("1101001500", "Мука пшеничная", "Wheat flour", 0.38),
    commodity("1512119101", "Масло подсолнечное нерафинированное", "Sunflower oil, crude", 1.1),
    commodity("8505110000", "Магниты постоянные металлические", "Permanent magnets of metal", 11.0),
];

/// How many of a good's brands the exporter sells.
const EXPORTER_BRANDS: usize = 1;
const PARTS_OF_A_BRAND: u64 = 15;
/// How many of those parts the exporter sells.
const EXPORTER_PARTS: u64 = 9;

const fn commodity(code_ten: &'static str, russian: &'static str, english: &'static str, euro_kg: f64) -> Commodity {
    Commodity { code_ten, russian, english, euro_kg }
}

impl Catalogue {
    /// The catalogue of a seed and profile.
    pub(super) fn of(seed: u64, profile: Profile) -> Self {
        let goods = if profile == Profile::Unseen { super::goods_unseen::GOODS } else { super::goods::GOODS };
        let (mut own, mut other, mut same_brand) = (Vec::new(), Vec::new(), Vec::new());
        for (place, good) in goods.iter().enumerate() {
            for (rank, brand) in good.brands.iter().enumerate() {
                for part in 0..PARTS_OF_A_BRAND {
                    let number = (place * 64 + rank) as u64 * PARTS_OF_A_BRAND + part;
                    let item = item(seed, place, good, brand, number);
                    match (rank < EXPORTER_BRANDS, part < EXPORTER_PARTS) {
                        (true, true) => own.push(item),
                        (true, false) => same_brand.push(item),
                        (false, _) => other.push(item),
                    }
                }
            }
        }
        let same_brand_start = other.len();
        other.extend(same_brand);
        Self { goods, own, other, same_brand_start }
    }

    /// The good of an item.
    pub(super) fn good(&self, item: &Item) -> &Good {
        &self.goods[item.good]
    }
}

fn item(seed: u64, good_place: usize, good: &Good, brand: &'static str, number: u64) -> Item {
    let mut dice = Dice::of(seed, Purpose::Part, number);
    let initials: String = brand.chars().filter(char::is_ascii_alphabetic).take(2).collect();
    let letter = char::from(b'A' + dice.below(8) as u8);
    let series = dice.between(10, 999);
    let model = dice.between(100, 9_999);
    let dash = if dice.chance(0.5) { "-" } else { "" };
    Item {
        good: good_place,
        brand,
        part_number: format!("{}{series}{dash}{letter}{model}", initials.to_uppercase()),
        gtin: example_gtin(seed.wrapping_mul(10_007).wrapping_add(number) % 1_000_000_000),
        grams: (good.grams * dice.within(0.7, 1.4) * 100.0).round() / 100.0,
        euro: (good.euro * dice.within(0.6, 1.7) * 100.0).round().max(2.0) / 100.0,
    }
}
