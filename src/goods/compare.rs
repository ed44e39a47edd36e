//! The comparison of two goods forms: which features hold, with the values that gave them.
//!
//! Come here to see how the rungs of the ladder are put together without counting anything twice.
//! Pure: equal forms and brands give equal evidence, and swapping the papers swaps the values only.

use super::Brands;
use super::codes::{code_feature, of_same_item};
use super::items::{Found, gtin_feature, lot_feature, names, part_feature, serial_feature};
use super::texts::{brand_feature, description_feature, size_feature};
use super::weights::{Feature, weight};
use crate::model::{Bits, GoodsForm, HsCode};

/// One feature that holds, with both values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GoodsEvidence<'a> {
    /// What holds.
    pub feature: Feature,
    /// The value of the first form, folded.
    pub ours: &'a str,
    /// The value of the second form, folded.
    pub theirs: &'a str,
}

/// Calls `on_feature` with each feature that holds for the goods of an order line and a shipment line, from the strongest
/// rung down.
pub fn visit<'a>(
    order: &'a GoodsForm,
    shipment: &'a GoodsForm,
    brands: &'a Brands,
    on_feature: &mut impl FnMut(GoodsEvidence<'a>),
) {
    walk(order, shipment, brands, &mut |(feature, ours, theirs)| on_feature(GoodsEvidence { feature, ours, theirs }));
}

/// All features that hold, see [`visit`].
pub fn compare<'a>(order: &'a GoodsForm, shipment: &'a GoodsForm, brands: &'a Brands) -> Vec<GoodsEvidence<'a>> {
    let mut evidence = Vec::with_capacity(6);
    visit(order, shipment, brands, &mut |found| evidence.push(found));
    evidence
}

/// The sum of the weights of [`compare`], without collecting the evidence.
pub fn bits(order: &GoodsForm, shipment: &GoodsForm, brands: &Brands) -> Bits {
    let mut sum = Bits::default();
    walk(order, shipment, brands, &mut |found| sum.0 += weight(found.0).0);
    sum
}

/// A cheap condition that the same goods practically always meet: what fails it need not be compared.
pub fn may_match(order: &GoodsForm, shipment: &GoodsForm) -> bool {
    let code = code_feature(order, shipment);
    match code {
        Some(
            Feature::HsSame8
            | Feature::HsSame6
            | Feature::HsEdition
            | Feature::HsEditionBroad
            | Feature::HsWithin
            | Feature::HsNeighbour4,
        ) => return true,
        // A paper that says nothing but a chapter cannot be excluded within it.
        Some(Feature::HsSameChapter) if shipment.concepts.is_empty() || order.concepts.is_empty() => return true,
        _ => {}
    }
    shares_item(order, shipment) || shares_text(order, shipment)
}

fn shares_item(order: &GoodsForm, shipment: &GoodsForm) -> bool {
    let is = |found: Option<Found<'_>>, feature: Feature| found.is_some_and(|found| found.0 == feature);
    let meets = |form: &GoodsForm, number: &Option<String>| number.as_deref().is_some_and(|number| names(form, number));
    is(serial_feature(order, shipment), Feature::SerialShared)
        || is(lot_feature(order, shipment), Feature::LotShared)
        || is(gtin_feature(order, shipment), Feature::GtinSame)
        || (order.part_number.is_some() && order.part_number == shipment.part_number)
        || meets(shipment, &order.part_number)
        || meets(order, &shipment.part_number)
}

fn shares_text(order: &GoodsForm, shipment: &GoodsForm) -> bool {
    let is_goods = |concept: &&String| !concept.starts_with('~');
    let shares = |ours: &[String], theirs: &[String]| {
        ours.iter().filter(is_goods).any(|word| !word.starts_with('#') && theirs.binary_search(word).is_ok())
    };
    let brand_meets = order.brand.is_some() && order.brand == shipment.brand;
    let one_code_missing = order.hs_code.is_none() || shipment.hs_code.is_none();
    shares(&order.concepts, &shipment.concepts)
        || brand_meets
        || (one_code_missing && shares(&order.words, &shipment.words))
}

fn walk<'a>(order: &'a GoodsForm, shipment: &'a GoodsForm, brands: &'a Brands, emit: &mut impl FnMut(Found<'a>)) {
    let mut is_same_item = false;
    for found in [serial_feature(order, shipment), lot_feature(order, shipment), gtin_feature(order, shipment)]
        .into_iter()
        .flatten()
    {
        is_same_item |= matches!(found.0, Feature::SerialShared | Feature::GtinSame);
        emit(found);
    }
    let part = part_feature(order, shipment);
    if let Some(found) = part {
        is_same_item |= found.0 >= Feature::PartNumberSame && found.0 <= Feature::PartNumberStem;
        emit(found);
    }
    if let Some(brand) = brand_feature(order, shipment, brands)
        && counts_beside(part, brand)
    {
        emit(brand);
    }
    let code = code_feature(order, shipment).map(|feature| if is_same_item { of_same_item(feature) } else { feature });
    if let Some(feature) = code {
        let digits = |form: &'a GoodsForm| form.hs_code.as_ref().map_or("", HsCode::digits);
        emit((feature, digits(order), digits(shipment)));
    }
    size_feature(order, shipment).into_iter().for_each(&mut *emit);
    if let Some(feature) = description_feature(order, shipment, code, is_same_item) {
        emit((feature, order.description_folded.as_str(), shipment.description_folded.as_str()));
    }
}

/// An equal part number implies its brand, and another one of the same brand is no less another one: then the brand
/// adds nothing. It counts where it contradicts, or where there is no part number to go by.
fn counts_beside(part: Option<Found<'_>>, brand: Found<'_>) -> bool {
    let Some((part, ..)) = part else { return true };
    let contradicts = matches!(brand.0, Feature::BrandDifferent | Feature::OtherBrandInDescription);
    matches!(part, Feature::PartNumberUnnamed) || (contradicts && part <= Feature::PartNumberNear)
}
