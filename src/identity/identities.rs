//! Everyone the service knows now: reads the files, looks callers up, and reads the files again.
//!
//! Come here for what happens when the files change. A change that holds together takes the place of what was before
//! in one step; one that does not is told and changes nothing, so that a slip of the pen locks nobody out.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::file::{self, PrincipalsFaults, Texts};
use super::registry::{Credential, NotIdentified, Principal, Registry};
use crate::clock::Clock;

/// Who is known. Clones share one state.
#[derive(Clone)]
pub struct Identities(Arc<Inner>);

struct Inner {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    state: RwLock<State>,
}

struct State {
    registry: Arc<Registry>,
    texts: Texts,
    /// What was wrong the last time, so that it is told once.
    told: Option<PrincipalsFaults>,
}

/// What reading again came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reloaded {
    /// The files say what they said before.
    Unchanged,
    /// They say something else, and it is in force.
    Changed {
        /// How many principals there are now.
        principal_count: usize,
    },
}

impl Identities {
    /// Reads the principals file and what it names.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, PrincipalsFaults> {
        let texts = file::read(path)?;
        let registry = Arc::new(file::registry(path, &texts, clock.unix_millis())?);
        let state = RwLock::new(State { registry, texts, told: None });
        Ok(Self(Arc::new(Inner { path: path.to_owned(), clock, state })))
    }

    /// Whose credential this is, at this moment and by what is in force now.
    pub fn identify(&self, credential: &Credential) -> Result<Arc<Principal>, NotIdentified> {
        let registry = Arc::clone(&self.0.state.read().unwrap_or_else(PoisonError::into_inner).registry);
        registry.identify(credential, self.0.clock.unix_millis())
    }

    /// How many principals there are.
    pub fn principal_count(&self) -> usize {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner).registry.principals.len()
    }

    /// Reads the files again. They are small, and comparing them whole sees every change, whatever their times say.
    ///
    /// # Errors
    /// What is wrong, once: as long as the files stay wrong in the same way they count as unchanged. Everyone stays
    /// as they were.
    pub fn reload(&self) -> Result<Reloaded, PrincipalsFaults> {
        let read = file::read(&self.0.path).and_then(|texts| {
            let is_same = self.0.state.read().unwrap_or_else(PoisonError::into_inner).texts == texts;
            if is_same {
                return Ok(None);
            }
            Ok(Some((file::registry(&self.0.path, &texts, self.0.clock.unix_millis())?, texts)))
        });
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(None) => {
                state.told = None;
                Ok(Reloaded::Unchanged)
            }
            Ok(Some((registry, texts))) => {
                let principal_count = registry.principals.len();
                *state = State { registry: Arc::new(registry), texts, told: None };
                Ok(Reloaded::Changed { principal_count })
            }
            Err(faults) if state.told.as_ref() == Some(&faults) => Ok(Reloaded::Unchanged),
            Err(faults) => {
                state.told = Some(faults.clone());
                Err(faults)
            }
        }
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identities({})", self.0.path.display())
    }
}
