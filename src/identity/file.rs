//! The principals file: who may call, as whom, showing what. TOML, see `docs/operating.md`.
//!
//! Come here to add something to the file. What is wrong with its form is told with the line, what is wrong with its
//! content is told all at once, and nothing of a file with a fault takes effect.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::api_key::{HashKey, KeyHash};
use super::registry::{KeyEntry, Principal, Registry};
use super::role::{Permissions, Role};
use super::tenant::{Tenant, is_tenant_name};
use super::token::{TokenRules, algorithm, algorithm_names};
use crate::model::Day;

/// Most principals of a file.
pub const PRINCIPALS_MAX: usize = 10_000;
/// Most keys of one principal that are good at a time: the one in use and the one that takes its place.
pub const LIVE_KEYS_MAX: usize = 2;

/// Most bytes of each of the files.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
const MILLIS_PER_DAY: u64 = 86_400_000;

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrincipalsFault {
    /// Which file, and which principal in it.
    pub place: String,
    /// What was expected.
    pub detail: String,
}

/// Everything that is wrong with the file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct PrincipalsFaults(pub Vec<PrincipalsFault>);

impl fmt::Display for PrincipalsFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(|fault| format!("{}: {}", fault.place, fault.detail)).collect();
        formatter.write_str(&lines.join("\n"))
    }
}

/// The texts of the files, as they were read together.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Texts {
    pub(super) principals: String,
    pub(super) hash_key: Option<String>,
    pub(super) key_set: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrincipalsFile {
    hash_key_file: Option<PathBuf>,
    tokens: Option<TokensTable>,
    #[serde(default, rename = "principal")]
    principals: Vec<PrincipalTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokensTable {
    issuer: String,
    audience: String,
    algorithms: Vec<String>,
    key_set_file: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrincipalTable {
    name: String,
    tenant: String,
    roles: Vec<String>,
    #[serde(default)]
    keys: Vec<KeyTable>,
    #[serde(default)]
    certificates: Vec<String>,
    #[serde(default)]
    subjects: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyTable {
    hash: String,
    expires: String,
}

/// Reads the files; paths inside the principals file are beside it.
pub(super) fn read(path: &Path) -> Result<Texts, PrincipalsFaults> {
    let principals = read_text(path).map_err(|fault| PrincipalsFaults(vec![fault]))?;
    let file = parse(path, &principals)?;
    let mut faults = Vec::new();
    let mut beside = |named: Option<&PathBuf>| {
        let named = path.parent().unwrap_or(Path::new("")).join(named?);
        read_text(&named).map_err(|fault| faults.push(fault)).ok()
    };
    let hash_key = beside(file.hash_key_file.as_ref());
    let key_set = beside(file.tokens.as_ref().map(|tokens| &tokens.key_set_file));
    if faults.is_empty() { Ok(Texts { principals, hash_key, key_set }) } else { Err(PrincipalsFaults(faults)) }
}

fn read_text(path: &Path) -> Result<String, PrincipalsFault> {
    let fault = |detail: String| PrincipalsFault { place: path.display().to_string(), detail };
    let size = std::fs::metadata(path).map_err(|error| fault(error.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(fault(format!("expected at most {FILE_BYTES_MAX} bytes, found {size}")));
    }
    std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))
}

fn parse(path: &Path, text: &str) -> Result<PrincipalsFile, PrincipalsFaults> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        // Not the whole error: it quotes the line, and the line may hold a hash.
        let place = format!("{} line {line}", path.display());
        PrincipalsFaults(vec![PrincipalsFault { place, detail: error.message().to_owned() }])
    })
}

/// Everyone in the texts, or everything that is wrong with them, at a time in milliseconds since 1970.
pub(super) fn registry(path: &Path, texts: &Texts, now_millis: u64) -> Result<Registry, PrincipalsFaults> {
    let file = parse(path, &texts.principals)?;
    let mut building = Building { path, registry: Registry::default(), names: HashMap::new(), faults: Vec::new() };
    building.hash_key(&file, texts.hash_key.as_deref());
    building.tokens(file.tokens.as_ref(), texts.key_set.as_deref());
    if file.principals.len() > PRINCIPALS_MAX {
        building.fault("", format!("expected at most {PRINCIPALS_MAX} principals, found {}", file.principals.len()));
    }
    for table in file.principals.iter().take(PRINCIPALS_MAX) {
        building.principal(table, now_millis);
    }
    if building.faults.is_empty() { Ok(building.registry) } else { Err(PrincipalsFaults(building.faults)) }
}

struct Building<'a> {
    path: &'a Path,
    registry: Registry,
    names: HashMap<String, usize>,
    faults: Vec<PrincipalsFault>,
}

impl Building<'_> {
    fn fault(&mut self, principal: &str, detail: impl Into<String>) {
        let place = match principal {
            "" => self.path.display().to_string(),
            name => format!("{} principal {name:?}", self.path.display()),
        };
        self.faults.push(PrincipalsFault { place, detail: detail.into() });
    }

    fn hash_key(&mut self, file: &PrincipalsFile, text: Option<&str>) {
        match text.map(HashKey::parse) {
            Some(Ok(hash_key)) => self.registry.hash_key = Some(hash_key),
            Some(Err(fault)) => self.fault("", format!("hash_key_file: {fault}")),
            None if file.principals.iter().any(|principal| !principal.keys.is_empty()) => {
                self.fault("", "hash_key_file: needed where principals have keys");
            }
            None => {}
        }
    }

    fn tokens(&mut self, table: Option<&TokensTable>, key_set: Option<&str>) {
        let (Some(table), Some(key_set)) = (table, key_set) else { return };
        let mut algorithms = Vec::new();
        for name in &table.algorithms {
            match algorithm(name) {
                Some(algorithm) => algorithms.push(algorithm),
                None => {
                    self.fault("", format!("tokens.algorithms: expected some of {}, found {name:?}", algorithm_names()))
                }
            }
        }
        if table.issuer.is_empty() || table.audience.is_empty() {
            self.fault("", "tokens: issuer and audience are needed");
        }
        match TokenRules::new(&table.issuer, &table.audience, algorithms, key_set) {
            Ok(rules) => self.registry.tokens = Some(rules),
            Err(detail) => self.fault("", format!("tokens.key_set_file: {detail}")),
        }
    }

    fn principal(&mut self, table: &PrincipalTable, now_millis: u64) {
        let place = self.registry.principals.len();
        let name = &table.name;
        // The same rule as for tenants: both turn up in trails and logs.
        if !is_tenant_name(name) {
            self.fault(name, "name: expected 1 to 64 of a-z 0-9 - _ .");
        } else if self.names.insert(name.clone(), place).is_some() {
            self.fault(name, "name: another principal has it");
        }
        let tenant = Tenant::named(&table.tenant);
        if tenant.is_none() {
            self.fault(name, "tenant: expected 1 to 64 of a-z 0-9 - _ .");
        }
        let roles: Vec<_> = table.roles.iter().filter_map(|role| Role::parse(role)).collect();
        if roles.len() != table.roles.len() || roles.is_empty() {
            let known = Role::ALL.map(Role::as_str).join(", ");
            self.fault(name, format!("roles: expected some of {known}"));
        }
        self.keys(table, place, now_millis);
        self.texts(name, "certificates", &table.certificates, place, |registry| &mut registry.by_certificate_name);
        self.texts(name, "subjects", &table.subjects, place, |registry| &mut registry.by_subject);
        if !table.subjects.is_empty() && self.registry.tokens.is_none() {
            self.fault(name, "subjects: there are no [tokens] that could carry them");
        }
        // A principal with faults keeps its place; the registry is thrown away with the faults.
        let tenant = tenant.or_else(|| Tenant::named(super::TENANT_DEFAULT));
        let permissions = Permissions::of_roles(&roles);
        let principal = tenant.map(|tenant| Arc::new(Principal { name: name.clone(), tenant, permissions }));
        self.registry.principals.extend(principal);
    }

    fn keys(&mut self, table: &PrincipalTable, principal: usize, now_millis: u64) {
        let mut live = 0;
        for key in &table.keys {
            let (hash, day) = (KeyHash::parse(&key.hash), Day::parse_iso(&key.expires));
            let (Some(hash), Some(day)) = (hash, day) else {
                self.fault(
                    &table.name,
                    "keys: expected a hash as `onward key new` prints it and a day such as 2027-01-31",
                );
                continue;
            };
            // Good until the end of its last day.
            let ends_at_millis = u64::try_from(day.number()).unwrap_or(0).saturating_add(1) * MILLIS_PER_DAY;
            live += usize::from(now_millis < ends_at_millis);
            match self.registry.by_key.entry(hash) {
                Entry::Vacant(entry) => drop(entry.insert(KeyEntry { principal, ends_at_millis })),
                Entry::Occupied(_) => self.fault(&table.name, "keys: the same key is there twice"),
            }
        }
        if live > LIVE_KEYS_MAX {
            self.fault(&table.name, format!("keys: expected at most {LIVE_KEYS_MAX} that are good, found {live}"));
        }
    }

    fn texts(
        &mut self,
        name: &str,
        what: &str,
        texts: &[String],
        place: usize,
        index: fn(&mut Registry) -> &mut HashMap<String, usize>,
    ) {
        for text in texts {
            if text.is_empty() || text.contains('*') {
                self.fault(name, format!("{what}: expected whole names without wildcards, found {text:?}"));
            } else if index(&mut self.registry).insert(text.clone(), place).is_some() {
                self.fault(name, format!("{what}: {text:?} is there twice"));
            }
        }
    }
}
