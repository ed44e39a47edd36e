//! The ladder of goods, pair by pair: which features hold for what papers say.
//!
//! Every row is compared in both directions, since it must not matter which paper comes first.

use proptest::prelude::*;

use super::{Brands, Feature, bits, compare, may_match, weight};
use crate::model::{Bits, GoodsForm};
use crate::normalize;

/// Code, description, brand, part number, serial numbers.
type Line<'a> = (&'a str, &'a str, &'a str, &'a str, &'a [&'a str]);

fn form((code, description, brand, part_number, serials): Line<'_>) -> GoodsForm {
    let serials: Vec<String> = serials.iter().map(|serial| (*serial).to_owned()).collect();
    let code = normalize::hs_code(code);
    normalize::goods(code.as_ref(), description, brand, part_number, "", &serials, &[])
}

fn brands() -> Brands {
    Brands::new(["TEKTONIC", "ROHNE", "CISQO", "JUNIQER", "SCHAFLER", "SONIAPLAYBOX", "NORVEX"])
}

fn check(order: Line<'_>, shipment: Line<'_>, expected: &[Feature]) {
    let (order, shipment) = (form(order), form(shipment));
    let features = |one: &GoodsForm, other: &GoodsForm| -> Vec<Feature> {
        compare(one, other, &brands()).into_iter().map(|evidence| evidence.feature).collect()
    };
    assert_eq!(features(&order, &shipment), expected, "{order:?}\n{shipment:?}");
    assert_eq!(features(&shipment, &order), expected, "the other way round: {shipment:?}");
}

const SCOPE: Line<'static> =
    ("90302000", "Digitales Speicheroszilloskop", "Tektonic", "TE411-F107", &["TEK1001", "TEK1002"]);
const SWITCH: Line<'static> = ("85176200", "Network switch", "Cisqo", "CI18F256", &[]);

#[test]
fn upper_rungs() {
    use Feature::{HsDriftOfSameItem, HsSame6, PartNumberSame, SerialDifferent, SerialShared};
    let same = Feature::DescriptionSameWithCode;
    let code = ("903020", "Осциллограф цифровой", "", "", &["tek-1002"] as &[&str]);
    check(SCOPE, code, &[SerialShared, Feature::PartNumberUnnamed, Feature::BrandUnnamed, HsSame6, same]);
    let other_serial = ("903020", "Осциллограф", "", "ТЕ411 F107", &["TEK9999"] as &[&str]);
    check(SCOPE, other_serial, &[SerialDifferent, PartNumberSame, HsSame6, same]);
    let inside = ("9030330000", "Осциллограф, Tektonic TE411-F107", "", "", &[] as &[&str]);
    check(SCOPE, inside, &[PartNumberSame, HsDriftOfSameItem, same]);
    let elsewhere = ("330300", "Товары прочие", "", "TE411-F107", &[] as &[&str]);
    check(SCOPE, elsewhere, &[PartNumberSame, Feature::HsDifferentForSameItem, Feature::DescriptionEmpty]);
    let in_words = ("851762", "Коммутатор CISQO CI18 F256", "", "", &[] as &[&str]);
    check(SWITCH, in_words, &[PartNumberSame, HsSame6, same]);
}

#[test]
fn contradictions() {
    use Feature::{
        BrandDifferent, HsSame8, OtherBrandInDescription, PartNumberDifferent, PartNumberOtherInDescription,
    };
    let same = Feature::DescriptionSameWithCode;
    let other_part = ("8517620009", "Коммутатор", "Cisqo", "CI308G6736", &[] as &[&str]);
    check(SWITCH, other_part, &[PartNumberDifferent, HsSame8, same]);
    let all_other = ("8517620009", "Коммутатор", "Juniqer", "JU21B55", &[] as &[&str]);
    // Another part number says it all; another brand beside the same part number does not.
    check(SWITCH, all_other, &[PartNumberDifferent, HsSame8, same]);
    let brand_only = ("8517620009", "Коммутатор", "Juniqer", "CI18F256", &[] as &[&str]);
    check(SWITCH, brand_only, &[Feature::PartNumberSame, BrandDifferent, HsSame8, same]);
    let model_inside = ("8517620009", "Коммутатор, Cisqo CI308G6736", "", "", &[] as &[&str]);
    check(SWITCH, model_inside, &[PartNumberOtherInDescription, HsSame8, same]);
    let brand_inside = ("8517620009", "Коммутатор, Juniqer", "", "", &[] as &[&str]);
    check(SWITCH, brand_inside, &[Feature::PartNumberUnnamed, OtherBrandInDescription, HsSame8, same]);
}

#[test]
fn brands_in_two_scripts() {
    use Feature::{BrandAlike, BrandInDescription, BrandSame, HsSame6, PartNumberUnnamed};
    let same = Feature::DescriptionSameWithCode;
    for (text, brand, feature) in [
        ("Коммутатор Cisqo", "", BrandInDescription),
        ("Коммутатор «Циско»", "", BrandInDescription),
        ("Коммутатор", "ЦИСКО", BrandSame),
        ("Коммутатор", "Сisqo", BrandSame),
        ("Коммутатор", "Ciisqoo", BrandSame),
        ("Коммутатор", "Cisqor", BrandAlike),
        ("Коммутатор Cisxo", "", BrandAlike),
        ("Коммутатор Cisqo", "Juniqer", BrandInDescription),
    ] {
        check(SWITCH, ("851762", text, brand, "", &[]), &[PartNumberUnnamed, feature, HsSame6, same]);
    }
    // Only the descriptions name it, and only one of them in the spelling that is known.
    let latin = ("851762", "Switch Cisqo", "", "", &[] as &[&str]);
    check(latin, ("851762", "Коммутатор Циско", "", "", &[]), &[BrandInDescription, HsSame6, same]);
    check(latin, ("851762", "Коммутатор Juniqer", "", "", &[]), &[Feature::OtherBrandInDescription, HsSame6, same]);
}

#[test]
fn lower_rungs() {
    use Feature::{DescriptionDifferent, DescriptionEmptyOtherCode, HsDifferent, HsNeighbour4, HsSame6, SizeDifferent};
    let order = ("851713", "Smartphone 256 GB", "", "", &[] as &[&str]);
    check(
        order,
        ("851713", "Смартфон 128 ГБ", "", "", &[]),
        &[HsSame6, SizeDifferent, Feature::DescriptionSameWithCode],
    );
    check(order, ("851714", "Товары прочие", "", "", &[]), &[HsNeighbour4, DescriptionEmptyOtherCode]);
    check(order, ("851713", "Товары прочие", "", "", &[]), &[HsSame6, Feature::DescriptionEmpty]);
    check(order, ("100119", "Пшеница", "", "", &[]), &[HsDifferent, DescriptionDifferent]);
    check(order, ("851712", "Смартфон 256ГБ", "", "", &[]), &[Feature::HsEdition, Feature::DescriptionSameWithCode]);
    check(order, ("", "Смартфон", "", "", &[]), &[Feature::DescriptionSame]);
}

#[test]
fn what_may_match() {
    let cases: [(Line<'_>, Line<'_>, bool); 8] = [
        (SCOPE, ("9030330000", "Товары прочие", "", "", &[]), true),
        (SCOPE, ("851762", "Коммутатор", "", "TE411-F107", &[]), true),
        (SCOPE, ("851762", "Коммутатор", "", "", &["TEK1001"]), true),
        (SCOPE, ("851762", "Осциллограф", "", "", &[]), true),
        (SCOPE, ("", "Осциллограф", "", "", &[]), true),
        (SCOPE, ("9018", "Товары прочие", "", "", &[]), true),
        (SCOPE, ("901890", "Инструменты медицинские", "", "", &[]), false),
        (("880330", "", "", "", &[]), ("880730", "", "", "", &[]), true),
    ];
    for (order, shipment, expected) in cases {
        assert_eq!(may_match(&form(order), &form(shipment)), expected, "{order:?} {shipment:?}");
        assert_eq!(may_match(&form(shipment), &form(order)), expected, "{shipment:?} {order:?}");
    }
}

/// Lines that resemble each other often enough to reach every rung.
fn any_line() -> impl Strategy<Value = GoodsForm> {
    let code = prop::sample::select(vec![
        "",
        "90",
        "9030",
        "903020",
        "90302000",
        "9030200009",
        "903033",
        "854231",
        "851713",
        "851712",
    ]);
    let description = prop::sample::select(vec![
        "",
        "Товары прочие",
        "Oscilloscope TE411-F107",
        "Осциллограф Tektonic TE411 F108",
        "Коммутатор Циско",
        "Switch 24 V Cisqo",
        "abc def",
        "Unbekannter Gegenstand 12 V",
        "Осциллограф 100 мл",
    ]);
    let brand = prop::sample::select(vec!["", "Tektonic", "Tektronic", "Циско", "Cisqo", "Rohne"]);
    let part = prop::sample::select(vec!["", "TE411-F107", "TE411F107R", "TE411-F1O7", "CI18F256", "ТЕ411F170"]);
    let serial = prop::sample::select(vec!["", "TEK1001", "TEK1OO1", "TEK1000-TEK1010", "X55512"]);
    (code, description, brand, part, serial)
        .prop_map(|(code, description, brand, part, serial)| form((code, description, brand, part, &[serial])))
}

proptest! {
    #[test]
    fn swapping_the_papers_swaps_the_values_only(one in any_line(), other in any_line()) {
        let known = brands();
        let forward = compare(&one, &other, &known);
        let backward = compare(&other, &one, &known);
        prop_assert_eq!(forward.len(), backward.len());
        for (left, right) in forward.iter().zip(&backward) {
            prop_assert_eq!(left.feature, right.feature);
        }
        prop_assert_eq!(may_match(&one, &other), may_match(&other, &one));
        let sum: Bits = forward.iter().map(|evidence| weight(evidence.feature)).sum();
        prop_assert_eq!(bits(&one, &other, &known), sum);
    }

    #[test]
    fn no_group_counts_twice(one in any_line(), other in any_line()) {
        let known = brands();
        let evidence = compare(&one, &other, &known);
        let mut kinds: Vec<_> = evidence.iter().filter(|one| one.feature != Feature::SizeDifferent).map(|one| one.feature.kind()).collect();
        kinds.sort_unstable();
        let count = kinds.len();
        kinds.dedup();
        prop_assert_eq!(kinds.len(), count);
    }

    #[test]
    fn nothing_contradicts_itself(one in any_line()) {
        for evidence in compare(&one, &one, &brands()) {
            prop_assert!(weight(evidence.feature) >= Bits(-300), "{:?}", evidence);
        }
        prop_assert!(may_match(&one, &one) || (one.hs_code.is_none() && one.brand.is_none() && one.part_number.is_none()));
    }
}
