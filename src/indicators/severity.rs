//! How grave it would be if goods of a tariff code went on, by the Common High Priority List.
//!
//! Come here for tiers and for the factor in a finding's priority. Codes and tiers are data in `data/priority_goods.tsv`.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::model::{Day, HsCode};

/// Tier of the Common High Priority List, the gravest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PriorityTier {
    /// Integrated circuits, the highest concern.
    One,
    /// Electronics for which the true destination prefers Western makers.
    Two,
    /// Further electronic components.
    ThreeA,
    /// Mechanical and other components.
    ThreeB,
    /// Equipment to make and test electronics.
    FourA,
    /// Numerically controlled machine tools and their parts.
    FourB,
}

impl PriorityTier {
    const ALL: [Self; 6] = [Self::One, Self::Two, Self::ThreeA, Self::ThreeB, Self::FourA, Self::FourB];

    /// As the list writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
            Self::ThreeA => "3A",
            Self::ThreeB => "3B",
            Self::FourA => "4A",
            Self::FourB => "4B",
        }
    }
}

/// A list of goods in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GoodsList {
    /// Its name.
    pub list_id: &'static str,
    /// Title for people.
    pub title: &'static str,
    /// Day of the edition.
    pub edition: Day,
    /// How many six-digit codes of HS 2022 it has.
    pub code_count: u32,
}

struct Listed {
    tier: PriorityTier,
    /// The code is a parent of 2017 of which only some goods are listed.
    in_part: bool,
}

const TABLE: &str = include_str!("../../data/priority_goods.tsv");

/// The goods lists in force, by their names: one, as the head of its table says.
static GOODS_LISTS: LazyLock<Vec<GoodsList>> = LazyLock::new(|| {
    let heads = TABLE.lines().filter_map(|line| line.strip_prefix("# list: "));
    let code_count = TABLE.lines().filter(|line| !line.starts_with('#') && line.contains("\t2022\t")).count() as u32;
    heads
        .filter_map(|head| {
            let [list_id, title, edition] = head.split('\t').collect::<Vec<_>>()[..] else { return None };
            Some(GoodsList { list_id, title, edition: Day::parse_iso(edition)?, code_count })
        })
        .collect()
});

/// The goods lists in force, in the order of their names.
pub fn goods_lists() -> &'static [GoodsList] {
    &GOODS_LISTS
}

static LISTED: LazyLock<HashMap<&'static str, Listed>> = LazyLock::new(|| {
    let table = TABLE.lines().filter(|line| !line.starts_with('#'));
    let mut listed = HashMap::new();
    for line in table {
        let columns: Vec<&str> = line.split('\t').collect();
        if let [tier, code, _edition, extent] = columns[..]
            && let Some(tier) = PriorityTier::ALL.into_iter().find(|known| known.as_str() == tier)
        {
            listed.insert(code, Listed { tier, in_part: extent == "part" });
        }
    }
    listed
});

/// The tier of a code by its first six digits, in the editions 2022 and 2017; `None` when not listed or too short.
pub fn priority_tier(code: &HsCode) -> Option<PriorityTier> {
    LISTED.get(code.subheading()?).map(|listed| listed.tier)
}

/// Factor from 1 (ordinary goods, or no code) to 4 (integrated circuits of tier 1) by which expected diverted value is
/// multiplied. The order of the tiers is the list's; the factors themselves are a choice of Onward: 4, 3, 2.5 and 2 for
/// tiers 1 to 4, and half of the excess over 1 for codes of the edition 2017 that are listed only in part.
pub fn severity(hs_code: Option<&HsCode>) -> f64 {
    let Some(listed) = hs_code.and_then(HsCode::subheading).and_then(|digits| LISTED.get(digits)) else { return 1.0 };
    let whole = match listed.tier {
        PriorityTier::One => 4.0,
        PriorityTier::Two => 3.0,
        PriorityTier::ThreeA | PriorityTier::ThreeB => 2.5,
        PriorityTier::FourA | PriorityTier::FourB => 2.0,
    };
    if listed.in_part { f64::midpoint(1.0, whole) } else { whole }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{LISTED, PriorityTier, TABLE, goods_lists, priority_tier, severity};
    use crate::model::HsCode;

    #[test]
    fn the_list_has_fifty_codes_of_2022_in_six_tiers() {
        let mut counts = BTreeMap::new();
        for line in TABLE.lines().filter(|line| line.contains("\t2022\t")) {
            *counts.entry(line.split('\t').next().unwrap()).or_insert(0) += 1;
        }
        assert_eq!(counts, BTreeMap::from([("1", 4), ("2", 5), ("3A", 16), ("3B", 9), ("4A", 11), ("4B", 5)]));
        assert_eq!(LISTED.len(), 54);
        let [list] = goods_lists() else { panic!("there is one list") };
        assert_eq!(
            (list.list_id, list.edition.to_string().as_str(), list.code_count),
            ("common_high_priority", "2024-02-23", 50)
        );
    }

    #[test]
    fn tiers_and_factors() {
        let cases = [
            ("8542319010", Some(PriorityTier::One), 4.0),
            ("85176200", Some(PriorityTier::Two), 3.0),
            ("847150", Some(PriorityTier::ThreeA), 2.5),
            ("848210", Some(PriorityTier::ThreeB), 2.5),
            ("903020", Some(PriorityTier::FourA), 2.0),
            ("845811", Some(PriorityTier::FourB), 2.0),
            ("880330", Some(PriorityTier::ThreeB), 2.5),
            ("852580", Some(PriorityTier::ThreeA), 1.75),
            ("854142", None, 1.0),
            ("330300", None, 1.0),
            ("8542", None, 1.0),
        ];
        for (digits, tier, factor) in cases {
            let code = HsCode::from_digits(digits).unwrap();
            assert_eq!((priority_tier(&code), severity(Some(&code))), (tier, factor), "{digits}");
        }
        assert!((severity(None) - 1.0).abs() < f64::EPSILON);
    }
}
