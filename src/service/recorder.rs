//! The recorder: everything that is read goes into the store, once a second, and what registers counted into energy.
//!
//! It is a thread of its own, since the store waits for the disk. What it keeps in memory between two bookings of
//! energy is found again in the samples after a crash.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError, SyncSender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::{
    domain::{
        ids::MeterId,
        quantity::Quantity,
        reading::Reading,
        record::Entry,
        sample::Decimals,
        site::{Meter, Site},
    },
    poll::tap::Tap,
    store::{MAX_BATCH, NewRecord, Receipt, Sample, SeriesKey, SeriesSpec, Store, StoreError},
};

use self::energy::Energy;
pub use self::{energy::sources, rebuild::last_before};

mod energy;
mod rebuild;
#[cfg(test)]
mod tests;

/// Samples are handed over once a second: one synced group a second is what a disk gives easily.
const RECORD_EVERY: Duration = Duration::from_secs(1);
/// Energy is booked once a minute; what was counted since is found again in the samples.
const BOOK_EVERY: Duration = Duration::from_mins(1);
/// Old samples are dropped once an hour.
const DROP_EVERY: Duration = Duration::from_hours(1);
/// The most that is dropped at once beyond what was dropped before: a clock that is wrong by years must not cost the history.
const DROP_AT_ONCE: Duration = Duration::from_hours(7 * 24);
/// Batches that wait to be acknowledged; the store itself holds what the disk does not take.
const MAX_UNACKNOWLEDGED: usize = 64;
/// Orders that wait for the recorder: a few imports.
const MAX_ORDERS: usize = 16;

/// What the recorder is told.
#[derive(Debug)]
enum Order {
    /// Count energy anew that was marked so: history was changed.
    CountAnew { done: mpsc::Sender<Result<(), StoreError>> },
    /// Book what was counted so far.
    Book { done: mpsc::Sender<()> },
    /// Keep everything, and end.
    Stop,
}

/// A handle to the recorder. Its calls wait for the disk: not on a thread that runs asynchronous tasks.
#[derive(Debug)]
pub struct Recorder {
    orders: SyncSender<Order>,
    counting: Arc<Mutex<()>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Recorder {
    /// Starts to keep what goes through `tap`. Does not wait.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(site: Arc<Site>, store: Store, tap: Arc<Tap>) -> io::Result<Self> {
        let (orders, received) = mpsc::sync_channel(MAX_ORDERS);
        let counting = Arc::<Mutex<()>>::default();
        let held = Arc::clone(&counting);
        let run = move || match Work::new(site, store, tap, held) {
            Ok(mut work) => work.run(&received),
            Err(error) => tracing::error!("CANNOT SAVE: {error}; nothing is kept"),
        };
        let thread = thread::Builder::new().name("recorder".to_owned()).spawn(run)?;
        Ok(Self { orders, counting, thread: Mutex::new(Some(thread)) })
    }

    /// While this is held, nothing is counted anew: between the mark and the change of history that it is about.
    pub fn hold_counting(&self) -> MutexGuard<'_, ()> {
        // It guards an order of things, no data.
        self.counting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the energy anew that was marked so.
    ///
    /// # Errors
    /// What the disk says; then the energy is as it was, and still marked.
    pub fn count_marked_anew(&self) -> Result<(), StoreError> {
        let (done, is_done) = mpsc::channel();
        self.tell(Order::CountAnew { done })?;
        is_done.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Books what was counted so far, so that it can be read.
    ///
    /// # Errors
    /// [`StoreError::Closed`] where the recorder has ended.
    pub fn book(&self) -> Result<(), StoreError> {
        let (done, is_done) = mpsc::channel();
        self.tell(Order::Book { done })?;
        is_done.recv().map_err(|_| StoreError::Closed)
    }

    /// Keeps everything that was read, and ends.
    pub fn stop(&self) {
        // One that has ended already does not need to be told.
        let _ = self.tell(Order::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    fn tell(&self, order: Order) -> Result<(), StoreError> {
        self.orders.send(order).map_err(|_| StoreError::Closed)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Series of one meter.
type SeriesOfMeter = HashMap<Quantity, (SeriesKey, Decimals)>;

/// The thread's own.
struct Work {
    site: Arc<Site>,
    store: Store,
    tap: Arc<Tap>,
    series: HashMap<MeterId, SeriesOfMeter>,
    energy: Energy,
    /// A batch that the store's queue had no room for.
    held: Vec<Sample>,
    receipts: Vec<Receipt>,
    lost: u64,
    failing: bool,
    /// Old samples stayed the last time, because some of them were not counted yet.
    spared: bool,
}

impl Work {
    fn new(site: Arc<Site>, store: Store, tap: Arc<Tap>, counting: Arc<Mutex<()>>) -> Result<Self, StoreError> {
        let specs: Vec<SeriesSpec> = site.meters.values().flat_map(specs).collect();
        let keys = store.declare(specs.clone())?;
        let mut series: HashMap<MeterId, SeriesOfMeter> = HashMap::new();
        for (spec, key) in specs.into_iter().zip(keys) {
            series.entry(spec.meter).or_default().insert(spec.quantity, (key, spec.decimals));
        }
        let energy = Energy::new(&site, &store, counting)?;
        let (held, receipts) = (Vec::new(), Vec::new());
        Ok(Self { site, store, tap, series, energy, held, receipts, lost: 0, failing: false, spared: false })
    }

    fn run(&mut self, orders: &mpsc::Receiver<Order>) {
        let now = Instant::now();
        let (mut record, mut book, mut dropped) = (now + RECORD_EVERY, now + BOOK_EVERY, None::<Instant>);
        loop {
            match orders.recv_timeout(record.saturating_duration_since(Instant::now())) {
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(order) => self.serve(order),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= record {
                self.record();
                record = Instant::now() + RECORD_EVERY;
            }
            if Instant::now() >= book {
                self.book();
                book = Instant::now() + BOOK_EVERY;
            }
            if dropped.is_none_or(|last| last.elapsed() >= DROP_EVERY) {
                self.drop_old();
                dropped = Some(Instant::now());
            }
        }
        self.record();
        self.acknowledge(true);
        self.book();
    }

    fn serve(&mut self, order: Order) {
        match order {
            Order::CountAnew { done } => {
                // What was read until now must be in the samples that are counted anew.
                self.record();
                self.acknowledge(true);
                self.book();
                let result = self.energy.count_marked_anew(&self.store);
                // Whoever asked may have gone.
                let _ = done.send(result);
            }
            Order::Book { done } => {
                self.record();
                self.book();
                let _ = done.send(());
            }
            Order::Stop => {}
        }
    }

    /// Hands over what was read since the last time.
    fn record(&mut self) {
        self.acknowledge(false);
        if !self.held.is_empty() {
            let batch = std::mem::take(&mut self.held);
            self.append(batch);
            if !self.held.is_empty() || self.receipts.len() >= MAX_UNACKNOWLEDGED {
                return;
            }
        }
        let waiting = self.tap.take();
        if waiting.lost > 0 {
            self.lost += waiting.lost;
            tracing::error!(
                "{} readings were not kept: the store does not keep up ({} in all)",
                waiting.lost,
                self.lost
            );
        }
        let mut batch = Vec::with_capacity(waiting.readings.len().min(MAX_BATCH));
        for measured in &waiting.readings {
            let series = self.series.get(&measured.meter).and_then(|series| series.get(&measured.quantity));
            let Some((key, decimals)) = series else { continue };
            let sample = sample(*key, *decimals, &measured.reading);
            self.energy.take(&measured.meter, &measured.quantity, &sample);
            batch.push(sample);
            if batch.len() == MAX_BATCH {
                self.append(std::mem::take(&mut batch));
            }
        }
        if !batch.is_empty() {
            self.append(batch);
        }
        let swaps = self.energy.take_swaps();
        if !swaps.is_empty()
            && let Err(error) = self.swapped(swaps)
        {
            self.tell(Some(&error));
        }
    }

    /// Writes into the books that other meters were found, and counts their registers from there.
    fn swapped(&mut self, swaps: Vec<(MeterId, (Timestamp, i64))>) -> Result<(), StoreError> {
        self.acknowledge(true);
        for (id, (swapped_at, serial)) in swaps {
            let Some(meter) = self.site.meters.get(&id) else { continue };
            tracing::warn!("{id}: DIFFERENT METER: serial number {serial} from {swapped_at}");
            let entry = Entry::Swap { serial_number: Some(serial.to_string()), swapped_at };
            let configured = entry.configured(meter);
            let (at, who) = (Timestamp::now(), "the device".to_owned());
            self.store.mark_anew([(id.clone(), swapped_at)].into())?;
            self.store.add_record(NewRecord { meter: id, at, who, entry, before: None, configured })?;
        }
        self.energy.book(&self.store)?;
        self.energy.count_marked_anew(&self.store)
    }

    fn append(&mut self, batch: Vec<Sample>) {
        match self.store.append(batch.clone()) {
            Ok(receipt) => self.receipts.push(receipt),
            Err(StoreError::Full) => self.held.extend(batch),
            Err(error) => self.tell(Some(&error)),
        }
    }

    /// Looks at what was acknowledged; with `wait` until all is.
    fn acknowledge(&mut self, wait: bool) {
        if wait {
            for receipt in std::mem::take(&mut self.receipts) {
                let result = receipt.wait();
                self.tell(result.err().as_ref());
            }
            return;
        }
        let mut open = Vec::new();
        for receipt in std::mem::take(&mut self.receipts) {
            match receipt.try_wait() {
                Ok(result) => self.tell(result.err().as_ref()),
                Err(receipt) => open.push(receipt),
            }
        }
        self.receipts = open;
    }

    fn book(&mut self) {
        if let Err(error) = self.energy.book(&self.store) {
            self.tell(Some(&error));
        }
    }

    fn drop_old(&mut self) {
        let kept_ms = i64::try_from(self.site.keep_samples.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp::now().as_millisecond().saturating_sub(kept_ms);
        if let Err(error) = self.drop_counted(before) {
            tracing::warn!("old samples stay: {error}");
        }
    }

    /// Imported samples may be older than what is kept: they stay until their energy is counted. An import that never says
    /// that it is done holds them for one round.
    fn drop_counted(&mut self, before_ms: i64) -> Result<(), StoreError> {
        if self.spared && !self.store.marked_anew()?.is_empty() {
            self.energy.count_marked_anew(&self.store)?;
        }
        let counting = self.energy.counting();
        // An import that has not marked anything yet brings its samples after this.
        let _held = counting.lock().unwrap_or_else(PoisonError::into_inner);
        self.spared = !self.store.marked_anew()?.is_empty();
        if self.spared { Ok(()) } else { self.drop_before(before_ms) }
    }

    fn drop_before(&self, before_ms: i64) -> Result<(), StoreError> {
        let at_once = i64::try_from(DROP_AT_ONCE.as_millis()).unwrap_or(i64::MAX);
        let dropped = self.store.samples_dropped_before()?;
        let before_ms = dropped.map_or(before_ms, |dropped| before_ms.min(dropped.saturating_add(at_once)));
        if before_ms > 0 { self.store.drop_samples_before(before_ms) } else { Ok(()) }
    }

    /// Says once that saving fails, and once that it works again.
    fn tell(&mut self, error: Option<&StoreError>) {
        match error {
            Some(error) if !std::mem::replace(&mut self.failing, true) => {
                tracing::error!("CANNOT SAVE: {error}; what is read waits in memory");
            }
            None if std::mem::replace(&mut self.failing, false) => tracing::info!("saving works again"),
            _ => {}
        }
    }
}

/// The series of a meter: what its registers hold, and the power that is derived from phases where it is not read.
fn specs(meter: &Meter) -> Vec<SeriesSpec> {
    let ratio = |unit: crate::domain::unit::Unit| crate::derive::ratio_of(meter, unit);
    let mut specs: Vec<SeriesSpec> = meter
        .registers
        .iter()
        .map(|register| SeriesSpec {
            meter: meter.id.clone(),
            quantity: register.quantity.clone(),
            unit: register.reading_unit(),
            decimals: Decimals::of_register(register, ratio(register.reading_unit())),
        })
        .collect();
    for derived in [Quantity::CurrentKw, Quantity::CurrentKva] {
        let has = specs.iter().any(|spec| spec.quantity == derived);
        if let Some(unit) = derived.unit().filter(|_| !has && !specs.is_empty()) {
            let decimals = Decimals::of_float(unit);
            specs.push(SeriesSpec { meter: meter.id.clone(), quantity: derived, unit, decimals });
        }
    }
    specs
}

fn sample(series: SeriesKey, decimals: Decimals, reading: &Reading) -> Sample {
    let number = reading.value.and_then(|value| decimals.number(value));
    Sample { series, at_ms: reading.at.as_millisecond(), number, decimals, state: reading.state }
}
