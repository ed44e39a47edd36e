//! Brands and descriptions of two papers against each other.
//!
//! Come here for the lower rungs of the ladder, where words of three languages meet.

use super::codes::{agree, differ};
use super::items::{Found, contains_joined};
use crate::goods::{Brands, Feature};
use crate::model::GoodsForm;
use crate::normalize::sound_key;

/// Brands: columns first, then what the descriptions name.
pub(super) fn brand_feature<'a>(one: &'a GoodsForm, other: &'a GoodsForm, brands: &'a Brands) -> Option<Found<'a>> {
    match (one.brand.as_deref(), other.brand.as_deref()) {
        (Some(ours), Some(theirs)) => Some(match grade_of(ours, theirs) {
            Feature::BrandDifferent if contains_joined(&other.description_folded, ours) => {
                (Feature::BrandInDescription, ours, ours)
            }
            Feature::BrandDifferent if contains_joined(&one.description_folded, theirs) => {
                (Feature::BrandInDescription, theirs, theirs)
            }
            grade => (grade, ours, theirs),
        }),
        (Some(ours), None) => Some(in_description(ours, &other.description_folded, brands)),
        (None, Some(theirs)) => {
            let (feature, theirs, ours) = in_description(theirs, &one.description_folded, brands);
            Some((feature, ours, theirs))
        }
        (None, None) => in_descriptions_only(&one.description_folded, &other.description_folded, brands),
    }
    .filter(|found| found.0 != Feature::BrandUnnamed || one.brand.is_some() || other.brand.is_some())
}

fn grade_of(ours: &str, theirs: &str) -> Feature {
    if ours == theirs || (ours.len() >= 4 && theirs.len() >= 4 && sound_key(ours) == sound_key(theirs)) {
        return Feature::BrandSame;
    }
    let (shorter, longer) = if ours.len() <= theirs.len() { (ours, theirs) } else { (theirs, ours) };
    let is_part = shorter.len() >= 3 && (longer.starts_with(shorter) || longer.ends_with(shorter));
    if is_part || (shorter.len() >= 5 && strsim::osa_distance(ours, theirs) == 1) {
        Feature::BrandAlike
    } else {
        Feature::BrandDifferent
    }
}

fn in_description<'a>(brand: &'a str, description: &'a str, brands: &'a Brands) -> Found<'a> {
    if contains_joined(description, brand) {
        return (Feature::BrandInDescription, brand, brand);
    }
    match brands.find(description) {
        Some(named) => match grade_of(brand, named) {
            Feature::BrandSame => (Feature::BrandInDescription, brand, named),
            Feature::BrandAlike => (Feature::BrandAlike, brand, named),
            _ => (Feature::OtherBrandInDescription, brand, named),
        },
        None => match spelt_otherwise(brand, description) {
            Some(spelt) => (Feature::BrandInDescription, brand, spelt),
            None => match misspelt(brand, description) {
                Some(word) => (Feature::BrandAlike, brand, word),
                None => (Feature::BrandUnnamed, brand, ""),
            },
        },
    }
}

/// Neither paper has a brand column: what the first names is looked for in the second, and the reverse.
fn in_descriptions_only<'a>(one: &'a str, other: &'a str, brands: &'a Brands) -> Option<Found<'a>> {
    let forward = brands.find(one).map(|brand| in_description(brand, other, brands));
    let backward = brands.find(other).map(|brand| in_description(brand, one, brands));
    let backward = backward.map(|(feature, theirs, ours)| (feature, ours, theirs));
    match (forward, backward) {
        (Some(forward), Some(backward)) => Some(if forward.0 <= backward.0 { forward } else { backward }),
        (found, None) | (None, found) => found,
    }
}

/// A word one letter away from the brand.
fn misspelt<'a>(brand: &str, description: &'a str) -> Option<&'a str> {
    if brand.len() < 5 {
        return None;
    }
    let mut words = description.split(' ').filter(|word| word.len().abs_diff(brand.len()) <= 1);
    words.find(|word| strsim::osa_distance(word, brand) == 1)
}

/// A word or pair of words that sounds like the brand: its Cyrillic spelling.
fn spelt_otherwise<'a>(brand: &str, description: &'a str) -> Option<&'a str> {
    if brand.len() < 4 {
        return None;
    }
    let first = |text: &str| sound_key(text).bytes().next();
    let opening = first(&brand[..brand.len().min(4)]);
    let mut sound = None;
    let mut start = 0;
    loop {
        let rest = &description[start..];
        let one = rest.find(' ').unwrap_or(rest.len());
        let two = rest.get(one + 1..).map_or(one, |after| one + 1 + after.find(' ').unwrap_or(after.len()));
        if first(&rest[..one.min(4)]) == opening {
            let sound = sound.get_or_insert_with(|| sound_key(brand));
            let found =
                [one, two].into_iter().find(|end| rest[..*end].len() >= 4 && sound_key(&rest[..*end]) == *sound);
            if let Some(end) = found {
                return Some(&rest[..end]);
            }
        }
        if one == rest.len() {
            return None;
        }
        start += one + 1;
    }
}

/// How the descriptions agree. It matters whether codes or items do, since then descriptions say the same thing again.
pub(super) fn description_feature(
    one: &GoodsForm,
    other: &GoodsForm,
    code: Option<Feature>,
    is_same_item: bool,
) -> Option<Feature> {
    let codes_agree = is_same_item || agree(code);
    let says_something = |form: &GoodsForm| !form.concepts.is_empty() || !form.words.is_empty();
    if !says_something(one) || !says_something(other) {
        return Some(if differ(code) { Feature::DescriptionEmptyOtherCode } else { Feature::DescriptionEmpty });
    }
    let (ours, theirs) = (goods_concepts(one), goods_concepts(other));
    let (our_count, their_count) = (ours.clone().count(), theirs.count());
    let shared = ours.filter(|concept| other.concepts.binary_search(concept).is_ok()).count();
    let is_same = 2 * shared >= our_count.max(their_count);
    match (shared, codes_agree) {
        (1.., true) => Some(Feature::DescriptionSameWithCode),
        (1.., false) if is_same => Some(Feature::DescriptionSame),
        (1.., false) => Some(Feature::DescriptionOverlaps),
        (0, _) if our_count > 0 && their_count > 0 => {
            Some(if codes_agree { Feature::DescriptionDifferentWithCode } else { Feature::DescriptionDifferent })
        }
        _ if shares_word(one, other) => {
            Some(if codes_agree { Feature::DescriptionSameWithCode } else { Feature::DescriptionWordsShared })
        }
        _ => None,
    }
}

/// Concepts that name goods; qualities such as "digital" are left out.
fn goods_concepts(form: &GoodsForm) -> impl Iterator<Item = &String> + Clone {
    form.concepts.iter().filter(|concept| !concept.starts_with('~'))
}

/// A common word that is neither a size nor the brand, which counts elsewhere.
fn shares_word(one: &GoodsForm, other: &GoodsForm) -> bool {
    let is_brand = |word: &str| {
        [one, other].iter().any(|form| form.brand.as_deref().is_some_and(|brand| sound_key(brand).contains(word)))
    };
    let mut common = one.words.iter().filter(|word| other.words.binary_search(word).is_ok());
    common.any(|word| !word.starts_with('#') && !is_brand(word))
}

/// Sizes in one unit that share no number: 256 GB against 128 GB.
pub(super) fn size_feature<'a>(one: &'a GoodsForm, other: &'a GoodsForm) -> Option<Found<'a>> {
    let sizes = |form: &'a GoodsForm| form.words.iter().take_while(|word| word.starts_with('#'));
    let unit = |size: &'a str| size.split_once('=').map_or(size, |(unit, _)| unit);
    for ours in sizes(one) {
        let mut in_unit = sizes(other).filter(|theirs| unit(theirs) == unit(ours)).peekable();
        let Some(first) = in_unit.peek().copied() else { continue };
        let any_of_ours = |theirs: &String| sizes(one).any(|size| size == theirs);
        if !in_unit.any(any_of_ours) {
            return Some((Feature::SizeDifferent, &ours[1..], &first[1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::grade_of;
    use crate::goods::Feature;

    #[test]
    fn brands_are_graded() {
        let cases = [
            ("CISQO", "CISQO", Feature::BrandSame),
            ("CISQO", "TSISKO", Feature::BrandSame),
            ("SAMSONG", "SAMSNOG", Feature::BrandAlike),
            ("DMXMORI", "DMX", Feature::BrandAlike),
            ("NORVEX", "HYNEX", Feature::BrandDifferent),
            ("ZFX", "SKV", Feature::BrandDifferent),
        ];
        for (one, other, feature) in cases {
            assert_eq!(grade_of(one, other), feature, "{one} {other}");
            assert_eq!(grade_of(other, one), feature, "{other} {one}");
        }
    }
}
