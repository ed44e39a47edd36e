//! The whole engine on a disk that is full for a while: nothing is lost, nobody who reads or watches is disturbed, and
//! judging ends where it would have ended.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use onward::alerts::Watcher;
use onward::model::{JobId, JobSource, JobState, StoreCondition};
use onward::screening::{Screened, Service, ServiceError, ServiceOptions};
use onward::simulation::Profile;
use onward::store::{JobStart, Store, StoreError, StoreOptions};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use redb::StorageBackend;

use crate::invariants::{TENANT, assert_same, batch_of, records, screened, stored_findings, world};

/// Far more than anything here takes; a test that hangs ends with it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Bytes that can be overwritten on a full disk: the page on which the database notes where it is.
const NOTED_BYTES: u64 = 4096;

/// A disk in memory that can be full.
#[derive(Clone, Debug, Default)]
struct SmallDisk {
    bytes: Arc<RwLock<Vec<u8>>>,
    is_full: Arc<AtomicBool>,
}

impl SmallDisk {
    fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::SeqCst);
    }
}

impl StorageBackend for SmallDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.read().unwrap_or_else(PoisonError::into_inner).len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes.read().unwrap_or_else(PoisonError::into_inner);
        let found = bytes.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.bytes.write().unwrap_or_else(PoisonError::into_inner).resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.is_full.load(Ordering::SeqCst) && offset >= NOTED_BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut bytes = self.bytes.write().unwrap_or_else(PoisonError::into_inner);
        bytes[offset as usize..offset as usize + data.len()].copy_from_slice(data);
        Ok(())
    }
}

/// Follows alerts from the first one on until there are as many as that.
async fn follow(store: Store, until: tokio::sync::oneshot::Receiver<u64>) -> Vec<u64> {
    let mut watcher = Watcher::resume(&store, TENANT, None).unwrap();
    let (mut seen, mut until, mut last) = (Vec::new(), until, None);
    while last.is_none_or(|last| watcher.sequence() < last) {
        tokio::select! {
            page = watcher.next(7) => seen.extend(page.unwrap().events.iter().map(|event| event.sequence)),
            said = &mut until, if last.is_none() => last = Some(said.unwrap()),
        }
    }
    seen
}

/// Starts a job over all that is stored.
async fn started(service: &Service) -> JobId {
    let days = JobSource::Stored { first_day: None, last_day: None };
    match service.jobs().start_job(TENANT, "job", days).await.unwrap() {
        JobStart::Started(started) => started.id,
        JobStart::TooMany => panic!("no job runs"),
    }
}

/// How a job ended.
async fn ended(service: &Service, id: JobId) -> JobState {
    let mut changes = service.jobs().changes();
    loop {
        let job = service.store().read(|snapshot| snapshot.tenant(TENANT)?.screening_job(id)).unwrap().unwrap();
        if job.state != JobState::Running {
            return job.state;
        }
        tokio::time::timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_delays_judging_and_changes_nothing_else() {
    let world = world(21, 120, Profile::Small);
    let mut records = records(&world);
    records.shuffle(&mut ChaCha8Rng::seed_from_u64(8));
    let disk = SmallDisk::default();
    let options = StoreOptions {
        group_window: Duration::ZERO,
        look_interval: Duration::from_millis(1),
        // So little that readers have to go to the disk.
        cache_bytes: 64 * 1024,
        ..StoreOptions::default()
    };
    let store = Store::open_on(disk.clone(), options, Arc::new(|| 1_700_000_000_000)).unwrap();
    let service = Service::start(store.clone(), ServiceOptions::default()).unwrap();
    let (tell_last, last) = tokio::sync::oneshot::channel();
    let following = tokio::spawn(follow(store.clone(), last));
    let (mut refusals, mut stalls, mut job) = (0, 0, None);
    for (number, chunk) in records.chunks(40).enumerate() {
        let batch = || batch_of(TENANT, &format!("request-{number}"), chunk.to_vec());
        if number % 3 == 1 {
            disk.set_full(true);
            assert_eq!(service.accept(batch()).await, Err(StoreError::OutOfSpace));
            refusals += 1;
            assert_eq!(*store.condition().borrow(), StoreCondition::Full);
            // Reading and screening go on.
            assert!(store.read(|snapshot| snapshot.tenant(TENANT)?.orders(None, 10)).is_ok());
            let screened = service.screen(TENANT, &world.orders[0]);
            assert!(matches!(screened, Ok(Screened::Advised(_) | Screened::Conflict)), "{screened:?}");
            match service.settled().await {
                Ok(()) => {}
                Err(ServiceError::StoreFull) => stalls += 1,
                Err(other) => panic!("{other}"),
            }
            disk.set_full(false);
            let mut condition = store.condition();
            condition.wait_for(|now| *now == StoreCondition::Writable).await.unwrap();
        }
        service.accept(batch()).await.unwrap();
        if number == 5 {
            job = Some(started(&service).await);
        }
        if number % 3 == 0 {
            // Judging meets the full disk by itself, before anybody sends anything.
            disk.set_full(true);
            let settled = service.settled().await;
            assert!(matches!(settled, Ok(()) | Err(ServiceError::StoreFull)), "{settled:?}");
            stalls += usize::from(settled.is_err());
            disk.set_full(false);
        }
    }
    let settling = async {
        // What judging still waits for passes with the next look at the disk.
        while service.settled().await == Err(ServiceError::StoreFull) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, settling).await.unwrap();
    service.settled().await.unwrap();
    assert_same(&stored_findings(&store, TENANT), &screened(&world));
    assert_eq!(ended(&service, job.unwrap()).await, JobState::Done, "the job went on where it was");
    let newest = store.snapshot().unwrap().tenant(TENANT).unwrap().newest_event_sequence().unwrap();
    tell_last.send(newest).unwrap();
    let seen = tokio::time::timeout(PATIENCE, following).await.unwrap().unwrap();
    assert_eq!(seen, (1..=newest).collect::<Vec<_>>());
    assert!(refusals > 3 && stalls > 3 && newest > 3, "{refusals} refusals, {stalls} stalls, {newest} events");
}
