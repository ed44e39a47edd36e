//! Page tokens: of this list they name their place, of another list, filter or tenant they are none, and no other text
//! is one.

use onward::api::hostile::{page_key, page_token};
use onward::model::OrderKey;

use super::texts;

pub fn run(data: &[u8]) {
    let (number, rest) = data.split_at(data.len().min(4));
    let line_no = number.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    let [order_id, filter, text] = texts(rest);
    if let Some(key) = page_key("steppe", &filter, &text) {
        let again = page_token("steppe", &filter, &key).expect("a tenant");
        assert_eq!(page_key("steppe", &filter, &again), Some(key));
    }
    let key = OrderKey { order_id, line_no };
    let token = page_token("steppe", &filter, &key).expect("a tenant");
    // Longer ones come of no order that is stored.
    if key.order_id.len() > 256 {
        return;
    }
    assert_eq!(page_key("steppe", &filter, &token), Some(key));
    assert_eq!(page_key("taiga", &filter, &token), None, "the tenant makes no difference");
    assert_eq!(page_key("steppe", &format!("{filter} "), &token), None, "the filter makes no difference");
    let [at, letter, ..] = text.as_bytes() else { return };
    let at = usize::from(*at) % token.len();
    let forged = format!("{}{}{}", &token[..at], char::from(*letter), &token[at + 1..]);
    assert_eq!(page_key("steppe", &filter, &forged).is_some(), forged == token, "{forged:?} is taken");
}
