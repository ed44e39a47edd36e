//! Tariff codes of two papers against each other, over two editions of the Harmonized System.
//!
//! A neighbouring code is a weight and not a veto: misclassification as similar goods is a known way of diverting.

use crate::goods::Feature;
use crate::model::{GoodsForm, HsCode};
use crate::normalize::correlation;

/// Codes that correspond with more codes than this in the other edition say little about each other.
const PARTNER_COUNT_MAX: usize = 4;

/// The feature of two codes; `None` when a paper has none.
pub(super) fn code_feature(one: &GoodsForm, other: &GoodsForm) -> Option<Feature> {
    let (one, other) = (one.hs_code.as_ref()?, other.hs_code.as_ref()?);
    Some(feature_of(one, other))
}

/// The same feature for papers that name one item by its own number: a code that drifts is then no other item.
pub(super) const fn of_same_item(feature: Feature) -> Feature {
    match feature {
        Feature::HsNeighbour4 | Feature::HsSameChapter => Feature::HsDriftOfSameItem,
        Feature::HsDifferent => Feature::HsDifferentForSameItem,
        other => other,
    }
}

/// Whether the codes name the same subheading, or correspond closely.
pub(super) const fn agree(feature: Option<Feature>) -> bool {
    matches!(feature, Some(Feature::HsSame8 | Feature::HsSame6 | Feature::HsEdition))
}

/// Whether the codes name different goods.
pub(super) const fn differ(feature: Option<Feature>) -> bool {
    matches!(feature, Some(Feature::HsNeighbour4 | Feature::HsSameChapter | Feature::HsDifferent))
}

fn feature_of(one: &HsCode, other: &HsCode) -> Feature {
    let (shorter, longer) = if one.digits().len() <= other.digits().len() { (one, other) } else { (other, one) };
    let common =
        shorter.digits().bytes().zip(longer.digits().bytes()).take_while(|(left, right)| left == right).count();
    if common >= 8 {
        return Feature::HsSame8;
    }
    if common >= 6 {
        return Feature::HsSame6;
    }
    if common == shorter.digits().len() {
        return Feature::HsWithin;
    }
    let by_digits = match common {
        4.. => Feature::HsNeighbour4,
        2.. => Feature::HsSameChapter,
        _ => Feature::HsDifferent,
    };
    match correlation(one, other) {
        Some(correlation) if correlation.partner_count_max <= PARTNER_COUNT_MAX => Feature::HsEdition,
        Some(_) => Feature::HsEditionBroad,
        None => by_digits,
    }
}

#[cfg(test)]
mod tests {
    use super::feature_of;
    use crate::goods::Feature;
    use crate::normalize::hs_code;

    #[test]
    fn codes_compare_by_common_digits_and_editions() {
        let cases = [
            ("85423190", "8542319010", Feature::HsSame8),
            ("85423290", "8542327500", Feature::HsSame6),
            ("85423190", "854231", Feature::HsSame6),
            ("85423190", "8542329010", Feature::HsNeighbour4),
            ("330300", "330499", Feature::HsSameChapter),
            ("330300", "854231", Feature::HsDifferent),
            ("8542", "854231", Feature::HsWithin),
            ("85", "854231", Feature::HsWithin),
            ("84", "854231", Feature::HsDifferent),
            ("880730", "880330", Feature::HsEdition),
            ("8517130000", "85171200", Feature::HsEdition),
            ("854149", "854140", Feature::HsEdition),
            ("852589", "852580", Feature::HsEditionBroad),
            ("880622", "852580", Feature::HsEditionBroad),
            ("854151", "851712", Feature::HsSameChapter),
        ];
        for (one, other, expected) in cases {
            let (one, other) = (hs_code(one).unwrap(), hs_code(other).unwrap());
            assert_eq!(feature_of(&one, &other), expected, "{one:?} {other:?}");
            assert_eq!(feature_of(&other, &one), expected, "{other:?} {one:?}");
        }
    }
}
