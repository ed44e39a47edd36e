//! Names, identifiers, addresses, phones of parties in any script, and two names against one another.
//!
//! Folding gives the same every time and leaves no empty word and nothing invisible; two names are as alike as the same two
//! the other way round, with a probability below one.

use onward::model::{Country, Party};
use onward::normalize::{address, email_domain, identifier, mention, name, person, phone, skeleton};
use onward::resolve::match_names;

use super::texts;

pub fn run(data: &[u8]) {
    let [one, other, number, place] = texts(data);
    let (a, b) = (name(&one), name(&other));
    let (there, back) = (match_names(&a, &b), match_names(&b, &a));
    assert_eq!(there.probability, back.probability, "{one:?} and {other:?} depend on who comes first");
    assert!((0.0..=1.0).contains(&there.probability.to_f64()));
    assert!(a.tokens.iter().all(|token| !token.is_empty()), "an empty word in {one:?}");
    assert!(skeleton(&one).chars().all(|letter| !letter.is_control()), "control characters in the skeleton");
    for country in [None, Country::parse("KZ"), Country::parse("RU"), Country::parse(&place)] {
        if let Some(found) = identifier(&number, country) {
            assert!(!found.value.is_empty() && found.value.chars().all(char::is_alphanumeric), "{:?}", found.value);
        }
    }
    let found = (address(&place), phone(&number), email_domain(&place), person(&other));
    if let Some(digits) = &found.1 {
        assert!(digits.chars().all(|digit| digit.is_ascii_digit() || digit == '+'), "{digits:?} is no phone");
    }
    let party = Party {
        name: one,
        identifier: number.clone(),
        country: Country::parse(&place),
        address: place,
        phone: number,
        email: other,
    };
    assert_eq!(mention(&party), mention(&party));
}
