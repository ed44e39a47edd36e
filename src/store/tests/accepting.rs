//! What becomes of records: stored, unchanged, in conflict, refused; and who sees them afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::samples::{batch, clock, company, document_key, options, order, order_key, shipment, store};
use crate::model::{Country, DocumentKey, DocumentKind, OrderKey, Record};
use crate::store::batch::kind_code;
use crate::store::{
    AcceptBatch, CompanyKey, NAME_BYTES_MAX, RAW_BYTES_MAX, RECORD_BYTES_MAX, RECORDS_PER_BATCH_MAX, REQUEST_DAYS,
    RawInput, RecordOutcome, RecordScope, Store, StoreError,
};

const DAY_MILLIS: u64 = 24 * 3600 * 1000;

fn stored(sequence: u64) -> RecordOutcome {
    RecordOutcome::Stored { sequence }
}

#[test]
fn each_record_has_its_outcome() {
    use RecordOutcome::{Conflict, Unchanged};
    let store = store();
    let cases = [
        (vec![order(1, "a"), order(2, "a"), shipment(1, "a")], vec![stored(1), stored(2), stored(3)]),
        (vec![order(1, "a"), order(1, "b"), order(3, "a")], vec![Unchanged, Conflict, stored(4)]),
        (vec![order(5, "a"), order(5, "a"), order(5, "b")], vec![stored(5), Unchanged, Conflict]),
        (vec![company(1, "a"), company(1, "b"), shipment(1, "b")], vec![stored(6), Conflict, Conflict]),
        (vec![], vec![]),
    ];
    for (number, (records, expected)) in cases.into_iter().enumerate() {
        let outcome = store.accept_blocking(batch("steppe", &format!("{number}"), records)).unwrap();
        assert_eq!((outcome.outcomes, outcome.replayed), (expected, false), "case {number}");
    }
    // In a conflict the first one is kept.
    let snapshot = store.snapshot().unwrap();
    let kept = snapshot.tenant("steppe").unwrap().order(&order_key(1)).unwrap().unwrap();
    assert_eq!(kept.description, "a");
    assert_eq!(snapshot.newest_record_sequence(), Ok(6));
}

#[test]
fn a_record_knows_the_batch_that_brought_it_and_tells_only_its_sender() {
    let store = store();
    let batches = [
        ("steppe", vec![order(1, "a"), shipment(1, "a")]),
        ("taiga", vec![order(1, "a"), shipment(1, "a"), shipment(2, "a")]),
        ("steppe", vec![order(1, "a")]),
        ("steppe", vec![shipment(2, "a"), order(2, "a"), company(1, "a")]),
    ];
    for (number, (tenant, records)) in batches.into_iter().enumerate() {
        store.accept_blocking(batch(tenant, &format!("{number}"), records)).unwrap();
    }
    let snapshot = store.snapshot().unwrap();
    let of = |tenant: &str| {
        let view = snapshot.tenant(tenant).unwrap();
        let orders = [1, 2, 3].map(|number| view.batch_of_order(&order_key(number)).unwrap());
        let papers = [1, 2, 3].map(|number| view.batch_of_shipment(&document_key(number)).unwrap());
        (orders, papers, view.batch_of_company(&CompanyKey::new(Country::parse("KZ"), &format!("{:012}", 1))).unwrap())
    };
    assert_eq!(of("steppe"), ([Some(1), Some(4), None], [Some(1), None, None], Some(4)));
    assert_eq!(of("taiga"), ([Some(2), None, None], [None, Some(2), None], None));
    assert_eq!(of("nobody"), ([None; 3], [None; 3], None));
}

#[test]
fn a_request_counts_once() {
    let store = store();
    let records = || vec![order(1, "a"), order(1, "b"), order(2, "a"), order(2, "a"), order(3, "a"), order(4, "a")];
    let first = store.accept_blocking(batch("steppe", "id", records())).unwrap();
    let again = store.accept_blocking(batch("steppe", "id", records())).unwrap();
    assert_eq!((again.outcomes, again.replayed), (first.outcomes, true));
    let private = AcceptBatch { shared: false, ..batch("steppe", "id", records()) };
    let cases = [
        ("other content", batch("steppe", "id", vec![order(9, "a")]), Err(StoreError::RequestIdReused)),
        ("less content", batch("steppe", "id", records()[..5].to_vec()), Err(StoreError::RequestIdReused)),
        ("no content", batch("steppe", "id", vec![]), Err(StoreError::RequestIdReused)),
        ("other visibility", private, Err(StoreError::RequestIdReused)),
        ("other tenant", batch("taiga", "id", vec![order(9, "a")]), Ok(false)),
        ("other id", batch("steppe", "id2", records()), Ok(false)),
        ("no id", batch("steppe", "", records()), Ok(false)),
        ("no id again", batch("steppe", "", vec![]), Ok(false)),
    ];
    for (name, batch, expected) in cases {
        assert_eq!(store.accept_blocking(batch).map(|outcome| outcome.replayed), expected, "{name}");
    }
}

#[test]
fn request_ids_are_forgotten_after_their_days_and_not_before() {
    let now = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now);
    let store = Store::open_in_memory(options(), Arc::new(move || clock.load(Ordering::Relaxed))).unwrap();
    let send = |id: &str, number: u32| store.accept_blocking(batch("steppe", id, vec![order(number, "a")]));
    for number in 0..10 {
        send(&format!("{number}"), number).unwrap();
    }
    now.store(REQUEST_DAYS * DAY_MILLIS - 1, Ordering::Relaxed);
    assert!(send("0", 0).unwrap().replayed);
    now.store(REQUEST_DAYS * DAY_MILLIS, Ordering::Relaxed);
    // Every new request clears away more than one old one.
    for number in 10..14 {
        send(&format!("{number}"), number).unwrap();
    }
    // The newest first: asking for one forgets old ones, too.
    for number in (0..10).rev() {
        assert!(!send(&format!("{number}"), number).unwrap().replayed, "request {number}");
    }
}

#[test]
fn limits_are_refused_with_place_and_size() {
    let store = store();
    let long = |bytes: usize| "x".repeat(bytes);
    let with_id = |id: String| match order(1, "a") {
        Record::Order(mut line) => {
            line.key.order_id = id;
            Record::Order(line)
        }
        other => other,
    };
    let raw = |bytes: usize| Some(RawInput { label: String::new(), bytes: vec![0; bytes] });
    let within = vec![with_id(long(NAME_BYTES_MAX)), order(2, &long(RECORD_BYTES_MAX - 1024))];
    let good = AcceptBatch { raw: raw(RAW_BYTES_MAX), ..batch("steppe", &long(NAME_BYTES_MAX), within) };
    assert_eq!(store.accept_blocking(good).unwrap().outcomes, [stored(1), stored(2)]);

    let cases = [
        ("tenant", 0, batch(&long(NAME_BYTES_MAX + 1), "", vec![])),
        ("request id", 0, batch("steppe", &long(NAME_BYTES_MAX + 1), vec![])),
        ("record key", 1, batch("steppe", "", vec![order(3, "a"), with_id(long(NAME_BYTES_MAX + 1))])),
        ("record", 2, batch("steppe", "", vec![order(3, "a"), order(4, "a"), order(5, &long(RECORD_BYTES_MAX))])),
        ("raw input", 0, AcceptBatch { raw: raw(RAW_BYTES_MAX + 1), ..batch("steppe", "", vec![]) }),
    ];
    for (expected, place, batch) in cases {
        match store.accept_blocking(batch) {
            Err(StoreError::TooLong { what, index, bytes, limit }) => {
                assert_eq!((what, index), (expected, place));
                assert!(bytes > limit);
            }
            other => panic!("{expected}: {other:?}"),
        }
    }
    let many = vec![order(1, "a"); RECORDS_PER_BATCH_MAX + 1];
    let refused = StoreError::TooMany { count: RECORDS_PER_BATCH_MAX + 1, limit: RECORDS_PER_BATCH_MAX };
    assert_eq!(store.accept_blocking(batch("steppe", "", many)), Err(refused));
    assert_eq!(store.snapshot().unwrap().newest_record_sequence(), Ok(2));
}

#[test]
fn orders_belong_to_their_tenant_and_papers_to_all_or_one() {
    let store = store();
    let send = |tenant: &str, shared: bool, records: Vec<Record>| {
        store.accept_blocking(AcceptBatch { shared, ..batch(tenant, "", records) }).unwrap().outcomes
    };
    send("steppe", true, vec![order(1, "steppe's"), shipment(1, "shared"), company(1, "shared")]);
    assert_eq!(send("taiga", true, vec![order(1, "taiga's")]), [stored(4)]);
    assert_eq!(send("taiga", false, vec![shipment(2, "taiga's"), company(2, "taiga's")]), [stored(5), stored(6)]);
    // A private copy of what is shared adds nothing; another content hides the shared one from its owner only.
    assert_eq!(send("taiga", false, vec![shipment(1, "shared")]), [RecordOutcome::Unchanged]);
    assert_eq!(send("taiga", false, vec![shipment(1, "taiga's")]), [stored(7)]);

    let snapshot = store.snapshot().unwrap();
    let cases = [
        ("steppe", vec!["steppe's"], vec!["shared"], vec!["shared"]),
        ("taiga", vec!["taiga's"], vec!["taiga's", "taiga's"], vec!["shared", "taiga's"]),
        ("tundra", vec![], vec!["shared"], vec!["shared"]),
    ];
    for (tenant, orders, shipments, companies) in cases {
        let view = snapshot.tenant(tenant).unwrap();
        let found: Vec<_> = view.orders(None, 10).unwrap().into_iter().map(|line| line.description).collect();
        assert_eq!(found, orders, "{tenant}");
        let found: Vec<_> = view.shipments(None, 10).unwrap().into_iter().map(|line| line.description).collect();
        assert_eq!(found, shipments, "{tenant}");
        let found: Vec<_> = view.companies(None, 10).unwrap().into_iter().map(|company| company.name).collect();
        assert_eq!(found, companies, "{tenant}");
        assert_eq!(view.order(&order_key(1)).unwrap().map(|line| line.description).as_deref(), orders.first().copied());
        assert_eq!(view.shipment(&document_key(1)).unwrap().unwrap().description, shipments[0]);
        assert_eq!(view.shipment(&document_key(2)).unwrap().is_some(), tenant == "taiga");
        assert_eq!(view.company(&CompanyKey::new(None, "2")).unwrap(), None);
    }
    let scopes: Vec<_> = snapshot.records_since(3, 3).unwrap().into_iter().map(|logged| logged.scope).collect();
    assert_eq!(scopes, vec![RecordScope::Tenant("taiga".into()); 3]);
}

#[test]
fn pages_of_any_size_make_up_the_whole() {
    let store = store();
    let lines: Vec<Record> =
        (0..30).flat_map(|number| [order(number, "a"), shipment(number, "a"), company(number, "a")]).collect();
    store.accept_blocking(batch("steppe", "1", lines)).unwrap();
    let own = (0..30).step_by(3).flat_map(|number| [shipment(number, "own"), company(number, "own")]);
    let own = own.chain((30..35).map(|number| shipment(number, "own"))).collect();
    store.accept_blocking(AcceptBatch { shared: false, ..batch("steppe", "2", own) }).unwrap();
    store.accept_blocking(batch("taiga", "3", (0..30).map(|number| order(number, "b")).collect())).unwrap();
    let snapshot = store.snapshot().unwrap();
    let view = snapshot.tenant("steppe").unwrap();
    for limit in [1, 2, 7, 100] {
        let orders = pages(limit, |after| view.orders(after, limit).unwrap(), |line| line.key.clone());
        let shipments = pages(limit, |after| view.shipments(after, limit).unwrap(), |line| line.key.clone());
        let companies = pages(limit, |after| view.companies(after, limit).unwrap(), CompanyKey::of);
        assert_eq!((orders.len(), shipments.len(), companies.len()), (30, 35, 30));
        assert!(orders.is_sorted_by_key(|line| line.key.clone()) && orders.iter().all(|line| line.description == "a"));
        let by_table = |key: &DocumentKey| (key.feed.clone(), kind_code(key.kind), key.number.clone(), key.line_no);
        assert!(shipments.is_sorted_by_key(|line| by_table(&line.key)));
        assert_eq!(shipments.iter().filter(|line| line.description == "own").count(), 15);
        assert!(companies.is_sorted_by_key(CompanyKey::of));
    }
    // Pages may begin at a key that is not there.
    let between = OrderKey { order_id: "O-9999".to_owned(), line_no: u32::MAX };
    assert_eq!(view.orders(Some(&between), 10).unwrap(), []);
    let before = DocumentKey { feed: String::new(), number: String::new(), line_no: 0, kind: DocumentKind::Other };
    assert_eq!(view.shipments(Some(&before), 100).unwrap().len(), 35);
    assert_eq!(snapshot.records_since(u64::MAX, 10), Ok(vec![]));
}

/// All rows, page by page.
fn pages<Row, Key>(limit: usize, page: impl Fn(Option<&Key>) -> Vec<Row>, key: impl Fn(&Row) -> Key) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let next = page(rows.last().map(&key).as_ref());
        assert!(next.len() <= limit);
        if next.is_empty() {
            return rows;
        }
        rows.extend(next);
    }
}

#[test]
fn raw_input_is_kept_beside_what_it_brought() {
    use crate::store::codec::decode;
    use redb::{ReadableDatabase, ReadableTable};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = Store::open(&path, options(), clock()).unwrap();
    let raw = |text: &str| Some(RawInput { label: "orders.csv".to_owned(), bytes: text.into() });
    for (id, text) in [("1", "first"), ("2", "repeated"), ("1", "replayed")] {
        store.accept_blocking(AcceptBatch { raw: raw(text), ..batch("steppe", id, vec![order(1, "a")]) }).unwrap();
    }
    drop(store);
    let database = redb::Database::open(&path).unwrap();
    let table = database.begin_read().unwrap().open_table(crate::store::tables::RAW_INPUTS).unwrap();
    let kept: Vec<RawInput> = table.iter().unwrap().map(|row| decode(row.unwrap().1.value(), "raw").unwrap()).collect();
    assert_eq!(kept, [raw("first").unwrap()]);
}
