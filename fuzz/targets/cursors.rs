//! Alert cursors, and the names of requests and tenants.
//!
//! A cursor names its place for its tenant; every other text is refused, whatever of a good one it keeps.

use std::sync::{Arc, LazyLock};

use onward::alerts::{CURSOR_TEXT_MAX, Cursors};
use onward::api::{REQUEST_ID_BYTES_MAX, is_request_id};
use onward::identity::{TENANT_BYTES_MAX, Tenant, is_tenant_name};
use onward::store::{Store, StoreOptions};

/// Cursors of two stores.
static CURSORS: LazyLock<[Cursors; 2]> = LazyLock::new(|| {
    std::array::from_fn(|_| {
        Cursors::new(&Store::open_in_memory(StoreOptions::default(), Arc::new(|| 0)).expect("opens in memory"))
    })
});

pub fn run(data: &[u8]) {
    let [here, elsewhere] = &*CURSORS;
    let (number, rest) = data.split_at(data.len().min(8));
    let sequence = number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let text = String::from_utf8_lossy(rest);
    assert!(here.parse("steppe", &text).is_err(), "a text that nobody gave out is a cursor");
    let good = here.format("steppe", sequence);
    assert!(good.len() <= CURSOR_TEXT_MAX);
    assert_eq!(here.parse("steppe", &good), Ok(sequence));
    assert!(here.parse("taiga", &good).is_err() && elsewhere.parse("steppe", &good).is_err());
    // A place in it, and what stands there instead.
    if let [at, letter, tail @ ..] = rest {
        let at = usize::from(*at) % good.len();
        let forged = format!("{}{}{}", &good[..at], char::from(*letter), &good[at + 1..]);
        let longer = format!("{good}{}", String::from_utf8_lossy(tail));
        for forged in [forged, longer] {
            assert_eq!(here.parse("steppe", &forged).is_ok(), forged == good, "{forged:?} is taken");
        }
    }
    if is_request_id(&text) {
        assert!(text.len() <= REQUEST_ID_BYTES_MAX && !text.contains(char::is_control));
    }
    let is_name = is_tenant_name(&text);
    assert_eq!(Tenant::named(&text).map(|tenant| tenant.name() == text), is_name.then_some(true));
    assert!(!is_name || text.len() <= TENANT_BYTES_MAX && text.is_ascii());
}
