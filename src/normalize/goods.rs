//! Goods of one line, folded for comparison.
//!
//! Come here to turn code, brand, part number, serials and description into a [`GoodsForm`].
//! How two forms compare is in the room `goods`.

use super::descriptions::describe;
use super::goods_letters::push_word_upper;
use super::{gtin as read_gtin, lots, part_number as fold_part_number, serials};
use crate::model::{GoodsForm, HsCode};

/// Folds the goods of one line. Empty texts stand for what the paper does not say.
pub fn goods(
    hs_code: Option<&HsCode>,
    description: &str,
    brand_text: &str,
    part_number: &str,
    gtin: &str,
    serial_numbers: &[String],
    lot_numbers: &[String],
) -> GoodsForm {
    let described = describe(description);
    GoodsForm {
        hs_code: hs_code.cloned(),
        brand: brand(brand_text),
        part_number: fold_part_number(part_number),
        gtin: read_gtin(gtin),
        serial_numbers: serials(serial_numbers),
        lot_numbers: lots(lot_numbers),
        concepts: described.concepts,
        words: described.words,
        model_tokens: described.model_tokens,
        description_folded: described.folded,
    }
}

/// Folds a brand to Latin capitals and digits without blanks; `None` for empty fields and for "no brand" in its forms.
pub fn brand(text: &str) -> Option<String> {
    const NO_BRAND: [&str; 18] = [
        "NA",
        "NONE",
        "NO",
        "NOBRAND",
        "NONAME",
        "UNBRANDED",
        "UNKNOWN",
        "OEM",
        "GENERIC",
        "OHNE",
        "KEINE",
        "HET",
        "BH",
        "OTSUTSTVUET",
        "NEUKAZAN",
        "BEZMARKI",
        "BEZBRENDA",
        "BEZTOVARNOGOZNAKA",
    ];
    let mut folded = String::with_capacity(text.len());
    for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        push_word_upper(word, &mut folded);
        if folded.len() > 40 {
            folded.truncate(40);
            break;
        }
    }
    (folded.len() >= 2 && !NO_BRAND.contains(&folded.as_str())).then_some(folded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{brand, goods};
    use crate::normalize::hs_code;

    #[test]
    fn a_line_is_folded_whole() {
        let code = hs_code("8542.39.90");
        let form = goods(
            code.as_ref(),
            "Схемы электронные интегральные прочие, Norvex NO38-C8421",
            "Norvex",
            "NO38-С8421",
            "4006381333931",
            &["SN: A100-A101".to_owned()],
            &["L1-2".to_owned()],
        );
        assert_eq!(form.hs_code, code);
        assert_eq!(form.brand.as_deref(), Some("NORVEX"));
        assert_eq!(form.part_number.as_deref(), Some("NO38C8421"));
        assert_eq!(form.gtin.as_deref(), Some("04006381333931"));
        assert_eq!(form.serial_numbers, ["A100", "A101"]);
        assert_eq!(form.lot_numbers, ["L12"]);
        assert!(form.concepts.iter().any(|concept| concept == "integrated_circuit"));
        assert_eq!(form.model_tokens, ["NO38C8421"]);
    }

    #[test]
    fn brands_fold_and_missing_brands_are_none() {
        let cases = [
            ("Sonia Playbox", Some("SONIAPLAYBOX")),
            ("SONIA-PLAYBOX", Some("SONIAPLAYBOX")),
            ("Dräga", Some("DRAGA")),
            ("Самсонг", Some("SAMSONG")),
            ("Сisqo", Some("CISQO")),
            ("3М", Some("3M")),
            ("б/н", None),
            ("No brand", None),
            ("без товарного знака", None),
            ("Отсутствует", None),
            ("", None),
            ("-", None),
        ];
        for (text, expected) in cases {
            assert_eq!(brand(text).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn folding_never_breaks_and_is_stable(text in "\\PC{0,80}", name in "\\PC{0,30}") {
            let form = goods(None, &text, &name, &text, &text, std::slice::from_ref(&text), std::slice::from_ref(&name));
            prop_assert_eq!(&form, &goods(None, &text, &name, &text, &text, std::slice::from_ref(&text), std::slice::from_ref(&name)));
            if let Some(folded) = &form.brand {
                prop_assert!(folded.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
                prop_assert_eq!(brand(folded), Some(folded.clone()));
            }
            prop_assert!(form.description_folded.is_ascii());
            prop_assert!(form.words.is_sorted() && form.concepts.is_sorted() && form.model_tokens.is_sorted());
        }
    }
}
