//! Which two letters are a country code.
//!
//! Come here when a code is refused that trade papers use. Source: ISO 3166-1 alpha-2 as of 2024 (249 codes), and XI,
//! XK, XC, XL, XS, which customs of the European Union use beside them.

use crate::model::Country;

const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
     BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ \
     FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS \
     IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN \
     MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW \
     PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN \
     TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XC XI XK XL XS YE YT ZA ZM ZW";

/// For each first letter the set of second letters, as bits.
const TABLE: [u32; 26] = {
    let mut table = [0; 26];
    let bytes = CODES.as_bytes();
    let mut index = 0;
    while index + 1 < bytes.len() {
        table[(bytes[index] - b'A') as usize] |= 1 << (bytes[index + 1] - b'A');
        index += 3;
    }
    table
};

/// Reads a country code in either case; `None` when there is no such country.
pub(super) fn country(text: &str) -> Option<Country> {
    let country = Country::parse(text)?;
    match country.as_str().as_bytes() {
        [first, second] => (TABLE[usize::from(first - b'A')] >> (second - b'A') & 1 == 1).then_some(country),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{TABLE, country};
    use crate::model::Country;

    #[test]
    fn codes_are_those_of_the_list() {
        assert_eq!(TABLE.iter().map(|bits| bits.count_ones()).sum::<u32>(), 249 + 5);
        assert_eq!(country("kz"), Some(Country::KZ));
        for text in ["KK", "UK", "EU", "ZZ", "", "K", "KAZ", "Казахстан", "К7", "ҚЗ"] {
            assert_eq!(country(text), None, "{text}");
        }
    }
}
