//! Pages: sizes, opaque tokens, and the one loop that every list goes through.
//!
//! Come here for what a page token is bound to and how much one answer may hold. A token names a place and gives no
//! right: whose rows are listed is decided by the tenant of each call.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tonic::Status;

use super::engine::{Engine, EngineError};
use super::errors;
use super::identity::Tenant;
use super::wire::ErrorReason;

/// Rows of a page when the request does not say.
pub const PAGE_SIZE_DEFAULT: usize = 100;
/// Most rows of a page.
pub const PAGE_SIZE_MAX: usize = 1_000;
/// Most bytes of a page on the wire, apart from its last row: below the 4 MiB that clients take by default.
pub const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most rows that are looked at for one page when a filter leaves most of them out.
const SCANNED_ROWS_MAX: usize = 10_000;
/// Rows that are read at a time.
const CHUNK_ROWS: usize = 200;

const TOKEN_VERSION: u8 = 1;
const TOKEN_BYTES_MAX: usize = 2_048;

/// What is listed, for whom, by what filter: a token of one query is no token of another.
#[derive(Clone, Debug)]
pub(super) struct Query {
    mark: [u8; 8],
    size: usize,
    token: String,
}

/// Rows on the wire, and the token of what follows.
#[derive(Debug)]
pub(super) struct Page<W> {
    pub(super) rows: Vec<W>,
    pub(super) next_page_token: String,
}

impl Query {
    /// A query as a request puts it; `filter` is whatever must stay the same from page to page.
    pub(super) fn new(method: &str, tenant: &Tenant, filter: &str, page_size: u32, page_token: String) -> Self {
        let mut hasher = Sha256::new();
        for text in [method, tenant.name(), filter] {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
        let size = match usize::try_from(page_size).unwrap_or(PAGE_SIZE_MAX) {
            0 => PAGE_SIZE_DEFAULT,
            size => size.min(PAGE_SIZE_MAX),
        };
        Self { mark: first_eight(&hasher.finalize()), size, token: page_token }
    }

    /// Reads rows after the token's place until the page is full, in rows or in bytes.
    ///
    /// `fetch` gives the rows after a key, at most so many, and fewer only at the end.
    pub(super) async fn run<E, K, M, W>(
        self,
        engine: &E,
        fetch: impl Fn(&E, Option<&K>, usize) -> Result<Vec<M>, EngineError> + Send + 'static,
        key_of: impl Fn(&M) -> K + Send + 'static,
        keep: impl Fn(&M) -> bool + Send + 'static,
        to_wire: fn(&M) -> W,
    ) -> Result<Page<W>, Status>
    where
        E: Engine,
        K: Serialize + DeserializeOwned + Send + 'static,
        M: 'static,
        W: prost::Message + 'static,
    {
        let mut after: Option<K> = self.start()?;
        super::read(engine, move |engine| {
            let mut page = Page { rows: Vec::new(), next_page_token: String::new() };
            let (mut bytes, mut scanned) = (0, 0);
            loop {
                let wanted = CHUNK_ROWS.min(self.size - page.rows.len() + 1);
                let chunk = fetch(engine, after.as_ref(), wanted)?;
                let is_last = chunk.len() < wanted;
                for row in &chunk {
                    let is_full = page.rows.len() == self.size || bytes > PAGE_BYTES_MAX || scanned == SCANNED_ROWS_MAX;
                    if is_full {
                        page.next_page_token = self.seal(after.as_ref());
                        return Ok(page);
                    }
                    if keep(row) {
                        let on_wire = to_wire(row);
                        bytes += on_wire.encoded_len();
                        page.rows.push(on_wire);
                    }
                    scanned += 1;
                    after = Some(key_of(row));
                }
                if is_last {
                    return Ok(page);
                }
            }
        })
        .await
    }

    fn start<K: DeserializeOwned>(&self) -> Result<Option<K>, Status> {
        if self.token.is_empty() {
            return Ok(None);
        }
        let refused = || {
            errors::invalid(
                ErrorReason::PageTokenInvalid,
                "page_token",
                "expected next_page_token of the page before, with the same query",
            )
        };
        self.open(&self.token).map(Some).ok_or_else(refused)
    }

    /// The token of the page after a key.
    pub(super) fn seal<K: Serialize>(&self, key: Option<&K>) -> String {
        let Some(key) = key.and_then(|key| postcard::to_stdvec(key).ok()) else { return String::new() };
        let mut bytes = vec![TOKEN_VERSION];
        bytes.extend_from_slice(&self.mark);
        bytes.extend_from_slice(&key);
        let check = first_eight(&Sha256::digest(&bytes));
        bytes.extend_from_slice(&check);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The key that a token of this query names.
    pub(super) fn open<K: DeserializeOwned>(&self, token: &str) -> Option<K> {
        let bytes = unhex(token)?;
        let (body, check) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
        let is_whole = first_eight(&Sha256::digest(body)) == check;
        let key = body.strip_prefix(&[TOKEN_VERSION])?.strip_prefix(&self.mark)?;
        postcard::from_bytes(key).ok().filter(|_| is_whole)
    }
}

fn first_eight(hash: &[u8]) -> [u8; 8] {
    let mut mark = [0; 8];
    mark.copy_from_slice(&hash[..8]);
    mark
}

/// Lower case only, so that each token has one text.
fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() > 2 * TOKEN_BYTES_MAX || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
