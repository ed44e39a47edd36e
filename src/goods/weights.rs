//! What each feature of a goods comparison is worth, in bits: the policy of this room, in one table.
//!
//! Come here to change a weight; bump [`WEIGHTS_VERSION`] with it. How features are found is in the files beside this one.

use crate::model::{Bits, EvidenceKind};

/// Version of the table below. Part of the policy version of every finding.
pub const WEIGHTS_VERSION: &str = "goods-1";

/// What a comparison of two goods forms found. At most one feature of each group (serials, lots, GTIN, part number,
/// brand, code, description, size) holds for a pair, so that nothing is counted twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Feature {
    /// At least one serial number stands on both papers.
    SerialShared,
    /// Both papers have serial numbers and share none.
    SerialDifferent,
    /// At least one lot number stands on both papers.
    LotShared,
    /// Both papers have lot numbers and share none.
    LotDifferent,
    /// Equal GTINs.
    GtinSame,
    /// Different valid GTINs.
    GtinDifferent,
    /// Equal part numbers, or one paper's part number in the other's description.
    PartNumberSame,
    /// The two descriptions share a model token; neither paper has a part number of its own that is met.
    PartNumberInDescription,
    /// Equal when O and 0, I and 1 are not told apart.
    PartNumberConfusable,
    /// Equal up to a packing or compliance suffix.
    PartNumberStem,
    /// One letter dropped, added or swapped with its neighbour: a slip of the pen or another variant.
    PartNumberNear,
    /// One letter or digit is another: a slip of the pen, or another size of the same make.
    PartNumberOneOff,
    /// Two part numbers that are not the same.
    PartNumberDifferent,
    /// A description names another model than the part number of the other paper.
    PartNumberOtherInDescription,
    /// One paper has a part number, the other names no model at all.
    PartNumberUnnamed,
    /// Equal brands, also by sound across scripts.
    BrandSame,
    /// One paper's brand stands in the other's description.
    BrandInDescription,
    /// Brands one letter apart, or one a part of the other.
    BrandAlike,
    /// Two brands that are not the same.
    BrandDifferent,
    /// A description names another known brand.
    OtherBrandInDescription,
    /// One paper has a brand, the other names none.
    BrandUnnamed,
    /// Eight or more digits agree.
    HsSame8,
    /// The six digits agree which all tariffs share.
    HsSame6,
    /// The six digits correspond between the editions 2017 and 2022, with few other partners.
    HsEdition,
    /// They correspond, but one of them corresponds with many codes.
    HsEditionBroad,
    /// One code is only a chapter or heading, and the other lies in it.
    HsWithin,
    /// Same heading, another subheading.
    HsNeighbour4,
    /// Same chapter, another heading.
    HsSameChapter,
    /// Another chapter.
    HsDifferent,
    /// Another subheading or heading of the chapter, although serial, part number or GTIN agree: the paper drifts.
    HsDriftOfSameItem,
    /// Another chapter, although serial, part number or GTIN agree.
    HsDifferentForSameItem,
    /// The descriptions name the same goods, and the codes agree as well.
    DescriptionSameWithCode,
    /// The descriptions name the same goods; the codes differ or are missing.
    DescriptionSame,
    /// The descriptions name some of the same goods; the codes differ or are missing.
    DescriptionOverlaps,
    /// No common concept, but common words; the codes differ or are missing.
    DescriptionWordsShared,
    /// The descriptions name different goods although codes or items agree.
    DescriptionDifferentWithCode,
    /// The descriptions name different goods.
    DescriptionDifferent,
    /// One description says nothing of the goods ("other goods"), and the codes agree or are missing.
    DescriptionEmpty,
    /// One description says nothing of the goods, and the codes differ: a paper that hides both.
    DescriptionEmptyOtherCode,
    /// A size (`256 GB`, `14 inch`) that differs.
    SizeDifferent,
}

/// Where a weight comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Origin {
    /// Logarithm of the ratio of relative frequencies among true links (487) and among other pairs of one firm, 0 to 220
    /// days apart, that pass `may_match` (376), counted in one simulated world of 2,000 orders and 10,000 shipment lines,
    /// then rounded or shrunk towards zero by hand. Description weights are counted among pairs whose codes differ.
    /// There was no second world: how well the table separates was seen only on the pairs it was counted on, and some
    /// features were added after looking at its mistakes. Weakest are those with few true links behind them:
    /// `hs_same_chapter` (1), `description_same` (5) and `description_empty_other_code` (12, all of one wording).
    Estimated,
    /// A choice, because the world has no such pairs or too few of them; not measured anywhere.
    Assumption,
}

/// One row: feature, stable name, kind in findings, weight in thousandths of a bit, where it comes from.
type Row = (Feature, &'static str, EvidenceKind, i32, Origin);

const TABLE: [Row; 40] = [
    (Feature::SerialShared, "serial_shared", EvidenceKind::SerialNumber, 10_000, Origin::Assumption),
    (Feature::SerialDifferent, "serial_different", EvidenceKind::SerialNumber, -3_000, Origin::Assumption),
    (Feature::LotShared, "lot_shared", EvidenceKind::LotNumber, 6_000, Origin::Assumption),
    (Feature::LotDifferent, "lot_different", EvidenceKind::LotNumber, -2_000, Origin::Assumption),
    (Feature::GtinSame, "gtin_same", EvidenceKind::Gtin, 4_000, Origin::Assumption),
    (Feature::GtinDifferent, "gtin_different", EvidenceKind::Gtin, -4_000, Origin::Assumption),
    (Feature::PartNumberSame, "part_number_same", EvidenceKind::PartNumber, 5_000, Origin::Estimated),
    (
        Feature::PartNumberInDescription,
        "part_number_in_description",
        EvidenceKind::PartNumber,
        3_500,
        Origin::Assumption,
    ),
    (Feature::PartNumberConfusable, "part_number_confusable", EvidenceKind::PartNumber, 4_000, Origin::Assumption),
    (Feature::PartNumberStem, "part_number_stem", EvidenceKind::PartNumber, 3_500, Origin::Assumption),
    (Feature::PartNumberNear, "part_number_near", EvidenceKind::PartNumber, 500, Origin::Assumption),
    (Feature::PartNumberOneOff, "part_number_one_off", EvidenceKind::PartNumber, -1_000, Origin::Assumption),
    (Feature::PartNumberDifferent, "part_number_different", EvidenceKind::PartNumber, -7_000, Origin::Estimated),
    (
        Feature::PartNumberOtherInDescription,
        "part_number_other_in_description",
        EvidenceKind::PartNumber,
        -6_000,
        Origin::Estimated,
    ),
    (Feature::PartNumberUnnamed, "part_number_unnamed", EvidenceKind::PartNumber, -100, Origin::Estimated),
    (Feature::BrandSame, "brand_same", EvidenceKind::Brand, 3_000, Origin::Estimated),
    (Feature::BrandInDescription, "brand_in_description", EvidenceKind::Brand, 3_000, Origin::Estimated),
    (Feature::BrandAlike, "brand_alike", EvidenceKind::Brand, 1_500, Origin::Assumption),
    (Feature::BrandDifferent, "brand_different", EvidenceKind::Brand, -5_500, Origin::Estimated),
    (Feature::OtherBrandInDescription, "other_brand_in_description", EvidenceKind::Brand, -5_000, Origin::Estimated),
    (Feature::BrandUnnamed, "brand_unnamed", EvidenceKind::Brand, -300, Origin::Estimated),
    (Feature::HsSame8, "hs_same_8", EvidenceKind::HsCode, 700, Origin::Estimated),
    (Feature::HsSame6, "hs_same_6", EvidenceKind::HsCode, 700, Origin::Estimated),
    (Feature::HsEdition, "hs_edition", EvidenceKind::HsCode, 600, Origin::Assumption),
    (Feature::HsEditionBroad, "hs_edition_broad", EvidenceKind::HsCode, 0, Origin::Assumption),
    (Feature::HsWithin, "hs_within", EvidenceKind::HsCode, 0, Origin::Assumption),
    (Feature::HsNeighbour4, "hs_neighbour_4", EvidenceKind::HsCode, -2_700, Origin::Estimated),
    (Feature::HsSameChapter, "hs_same_chapter", EvidenceKind::HsCode, -3_700, Origin::Estimated),
    (Feature::HsDifferent, "hs_different", EvidenceKind::HsCode, -6_000, Origin::Assumption),
    (Feature::HsDriftOfSameItem, "hs_drift_of_same_item", EvidenceKind::HsCode, -500, Origin::Assumption),
    (Feature::HsDifferentForSameItem, "hs_different_for_same_item", EvidenceKind::HsCode, -2_000, Origin::Assumption),
    (Feature::DescriptionSameWithCode, "description_same_with_code", EvidenceKind::Description, 0, Origin::Estimated),
    (Feature::DescriptionSame, "description_same", EvidenceKind::Description, 1_700, Origin::Estimated),
    (Feature::DescriptionOverlaps, "description_overlaps", EvidenceKind::Description, -1_000, Origin::Estimated),
    (Feature::DescriptionWordsShared, "description_words_shared", EvidenceKind::Description, 800, Origin::Assumption),
    (
        Feature::DescriptionDifferentWithCode,
        "description_different_with_code",
        EvidenceKind::Description,
        -1_500,
        Origin::Assumption,
    ),
    (Feature::DescriptionDifferent, "description_different", EvidenceKind::Description, -3_500, Origin::Estimated),
    (Feature::DescriptionEmpty, "description_empty", EvidenceKind::Description, 0, Origin::Assumption),
    (
        Feature::DescriptionEmptyOtherCode,
        "description_empty_other_code",
        EvidenceKind::Description,
        2_800,
        Origin::Estimated,
    ),
    (Feature::SizeDifferent, "size_different", EvidenceKind::Description, -2_500, Origin::Assumption),
];

impl Feature {
    /// How many there are.
    pub const COUNT: usize = TABLE.len();

    /// Every feature, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The stable name in policy files and reports.
    pub const fn as_str(self) -> &'static str {
        self.row().1
    }

    /// Where its weight comes from.
    pub const fn origin(self) -> Origin {
        self.row().4
    }

    /// Under which kind findings show it.
    pub const fn kind(self) -> EvidenceKind {
        self.row().2
    }
}

/// What a feature is worth.
pub const fn weight(feature: Feature) -> Bits {
    Bits(feature.row().3)
}

#[cfg(test)]
mod tests {
    use super::{Feature, TABLE, weight};

    #[test]
    fn the_table_is_in_the_order_of_the_features_and_names_are_unique() {
        let mut names = std::collections::BTreeSet::new();
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, index, "{}", row.1);
            assert!(names.insert(row.1), "{}", row.1);
            assert!(row.1.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
        }
    }

    #[test]
    fn the_ladder_descends() {
        let ladders: [&[Feature]; 4] = [
            &[Feature::SerialShared, Feature::LotShared, Feature::PartNumberSame, Feature::BrandSame, Feature::HsSame6],
            &[Feature::PartNumberSame, Feature::PartNumberStem, Feature::PartNumberNear, Feature::PartNumberDifferent],
            &[Feature::BrandSame, Feature::BrandAlike, Feature::BrandDifferent],
            &[Feature::HsSame8, Feature::HsSame6, Feature::HsNeighbour4, Feature::HsSameChapter, Feature::HsDifferent],
        ];
        for ladder in ladders {
            assert!(ladder.windows(2).all(|pair| weight(pair[0]) >= weight(pair[1])), "{ladder:?}");
        }
    }
}
