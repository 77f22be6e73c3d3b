//! The contenders, each opened the way its own documentation does it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use iceoryx2::sample::Sample;
use mmap_sync::locks::LockDisabled;
use mmap_sync::synchronizer::Synchronizer;
use rkyv::{Archive, Deserialize, Serialize};
use wyhash::WyHash;

pub const OURS: &str = "ndsharray";
pub const MMAP_SYNC: &str = "mmap-sync";
pub const ICEORYX: &str = "iceoryx2";
/// With a history, and with a queue of as many: readers take every value.
pub const OURS_HISTORY: &str = "ndsharray history";
pub const ICEORYX_QUEUE: &str = "iceoryx2 queue";
/// How many values that keeps.
pub const HISTORY: usize = 32;
/// How many wait for a reader that takes every value.
pub const QUEUED: usize = 16;
pub const ALL: [&str; 3] = [OURS, MMAP_SYNC, ICEORYX];

/// Publishes bytes as the latest value.
pub trait Write {
    fn write(&mut self, data: &[u8]);
}

/// Takes the latest value, touches it, and lets go.
pub trait Take {
    /// The first byte; `None` if the contender is a queue and has nothing new.
    fn take(&mut self) -> Option<u8>;
    /// The same, and all of it is read.
    fn take_whole(&mut self) -> usize;
    /// Takes one and keeps it, if that is possible.
    fn hold(&mut self) -> bool;
}

pub fn writer(contender: &str, directory: &Path, size: usize) -> Box<dyn Write> {
    match contender {
        OURS => Box::new(ours_writer(directory)),
        MMAP_SYNC => Box::new(MmapSync::new(directory)),
        ICEORYX => Box::new(IceoryxWriter::new(directory, size)),
        OURS_HISTORY => Box::new(ours_history_writer(directory)),
        ICEORYX_QUEUE => Box::new(IceoryxWriter::queue(directory, size)),
        other => panic!("{other:?} is no contender"),
    }
}

pub fn reader(contender: &str, directory: &Path) -> Box<dyn Take> {
    match contender {
        OURS => Box::new(Ours { reader: ours_reader(directory), held: Vec::new() }),
        MMAP_SYNC => Box::new(MmapSync::new(directory)),
        ICEORYX => Box::new(IceoryxReader::new(directory)),
        other => panic!("{other:?} is no contender"),
    }
}

/// Reads all of it but what fills no line, with more than one sum so that memory is what it waits for.
#[must_use = "or nothing is read"]
pub fn sum(bytes: &[u8]) -> usize {
    let mut sums = [0_usize; 8];
    for words in bytes.as_chunks::<64>().0 {
        for (sum, word) in sums.iter_mut().zip(words.as_chunks::<8>().0) {
            *sum = sum.wrapping_add(usize::from_ne_bytes(*word));
        }
    }
    sums.into_iter().fold(0, usize::wrapping_add)
}

pub fn ours_writer(directory: &Path) -> ndsharray::Writer {
    ndsharray::Store::open(directory).and_then(|store| store.writer("array")).expect("a writer")
}

pub fn ours_reader(directory: &Path) -> ndsharray::Reader {
    ndsharray::Store::open(directory).and_then(|store| store.reader("array")).expect("a reader")
}

pub fn ours_history_writer(directory: &Path) -> ndsharray::Writer {
    let store = ndsharray::Store::open(directory).expect("a store");
    store.writer_options("every").history(HISTORY).open().expect("a writer")
}

pub fn ours_history_reader(directory: &Path) -> ndsharray::Reader {
    ndsharray::Store::open(directory).and_then(|store| store.reader("every")).expect("a reader")
}

impl Write for ndsharray::Writer {
    fn write(&mut self, data: &[u8]) {
        self.write_slice(data, &[data.len()]).expect("a write");
    }
}

struct Ours {
    reader: ndsharray::Reader,
    held: Vec<ndsharray::Snapshot>,
}

impl Take for Ours {
    fn take(&mut self) -> Option<u8> {
        self.reader.view().expect("a value").bytes().first().copied()
    }

    fn take_whole(&mut self) -> usize {
        sum(self.reader.view().expect("a value").bytes())
    }

    fn hold(&mut self) -> bool {
        let value = self.reader.latest().expect("a value");
        std::hint::black_box(sum(value.bytes()));
        self.held.push(value);
        true
    }
}

#[derive(Archive, Deserialize, Serialize)]
#[archive_attr(derive(bytecheck::CheckBytes))]
pub struct Bytes {
    data: Vec<u8>,
}

/// mmap-sync; its wait for readers is tried again every microsecond, not every second as by default.
pub struct MmapSync {
    synchronizer: Synchronizer<WyHash, LockDisabled, 1024, 1_000>,
    serialized: Vec<u8>,
    of: usize,
}

impl MmapSync {
    pub fn new(directory: &Path) -> Self {
        let path = directory.join("mmap_sync");
        let synchronizer = Synchronizer::with_params(path.as_os_str());
        MmapSync { synchronizer, serialized: Vec::new(), of: usize::MAX }
    }

    /// Bytes that an archive of `data` ends in: a Vec's place and length. They follow the data, aligned.
    fn serialize(&mut self, data: &[u8]) {
        let entity = Bytes { data: data.to_vec() };
        self.serialized = rkyv::to_bytes::<_, 1024>(&entity).expect("an archive").into_vec();
        self.of = data.len();
    }

    /// Writes what is serialized already: the fastest there is, as a copy of bytes that are ready.
    #[inline]
    pub fn write_raw(&mut self, serialized: &[u8]) {
        self.synchronizer.write_raw::<Bytes>(serialized, Duration::from_secs(1)).expect("a write");
    }

    #[inline]
    pub fn read(&mut self, check: bool) -> u8 {
        // SAFETY: the writer writes archives of `Bytes`.
        let value = unsafe { self.synchronizer.read::<Bytes>(check) }.expect("a value");
        std::hint::black_box(value.data[0])
    }
}

/// An archive of `data` as mmap-sync's `write_raw` takes it.
pub fn archive(data: &[u8]) -> Vec<u8> {
    rkyv::to_bytes::<_, 1024>(&Bytes { data: data.to_vec() }).expect("an archive").into_vec()
}

impl Write for MmapSync {
    fn write(&mut self, data: &[u8]) {
        if self.of != data.len() {
            self.serialize(data);
        }
        let serialized = std::mem::take(&mut self.serialized);
        self.write_raw(&serialized);
        self.serialized = serialized;
    }
}

impl Take for MmapSync {
    fn take(&mut self) -> Option<u8> {
        Some(self.read(false))
    }

    fn take_whole(&mut self) -> usize {
        // SAFETY: as in `read`.
        sum(&unsafe { self.synchronizer.read::<Bytes>(false) }.expect("a value").data)
    }

    /// A value that is held is written over when the writer's patience ends.
    fn hold(&mut self) -> bool {
        false
    }
}

type Service = iceoryx2::service::port_factory::publish_subscribe::PortFactory<ipc::Service, [u8], ()>;

/// A service that keeps the newest values for each subscriber, which may hold 8.
fn service(directory: &Path, name: &str, values: usize) -> (Node<ipc::Service>, Service) {
    let node = node(directory);
    let service = node
        .service_builder(&name.try_into().expect("a name"))
        .publish_subscribe::<[u8]>()
        .subscriber_max_buffer_size(values)
        .subscriber_max_borrowed_samples(8)
        .max_subscribers(8)
        .max_nodes(16)
        .open_or_create()
        .expect("a service");
    (node, service)
}

/// iceoryx2's runtime, with files of its own.
pub fn node(directory: &Path) -> Node<ipc::Service> {
    set_log_level(LogLevel::Error);
    let name = directory.file_name().expect("a name").to_string_lossy().into_owned();
    let mut config = Config::default();
    config.global.prefix = format!("peers{}_", name.replace('.', "")).as_str().try_into().expect("a prefix");
    let root = directory.join("iceoryx2");
    config.global.set_root_path(&root.to_string_lossy().as_ref().try_into().expect("a path"));
    NodeBuilder::new().config(&config).create::<ipc::Service>().expect("a node")
}

/// Files of iceoryx2 in /dev/shm that a killed process left.
pub fn sweep(directory: &Path) {
    let name = directory.file_name().expect("a name").to_string_lossy().replace('.', "");
    let entries = std::fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    for entry in
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&format!("peers{name}_")))
    {
        let _ = std::fs::remove_file(PathBuf::from("/dev/shm").join(entry.file_name()));
    }
}

// Fields are dropped in order: ports before their service, services before their node.
pub struct IceoryxWriter {
    pub publisher: Publisher<ipc::Service, [u8], ()>,
    _service: Service,
    _node: Node<ipc::Service>,
}

impl IceoryxWriter {
    pub fn new(directory: &Path, size: usize) -> Self {
        Self::of(service(directory, "array", 1), size)
    }

    pub fn queue(directory: &Path, size: usize) -> Self {
        Self::of(service(directory, "every", HISTORY), size)
    }

    fn of((node, service): (Node<ipc::Service>, Service), size: usize) -> Self {
        let publisher = service.publisher_builder().initial_max_slice_len(size).create();
        IceoryxWriter { publisher: publisher.expect("a publisher"), _service: service, _node: node }
    }

    #[inline]
    pub fn send(&self, data: &[u8]) {
        let sample = self.publisher.loan_slice_uninit(data.len()).expect("a loan");
        sample.write_from_slice(data).send().expect("a send");
    }
}

impl Write for IceoryxWriter {
    fn write(&mut self, data: &[u8]) {
        self.send(data);
    }
}

pub struct IceoryxReader {
    held: Vec<Sample<ipc::Service, [u8], ()>>,
    pub subscriber: Subscriber<ipc::Service, [u8], ()>,
    _service: Service,
    _node: Node<ipc::Service>,
}

impl IceoryxReader {
    pub fn new(directory: &Path) -> Self {
        Self::of(service(directory, "array", 1))
    }

    pub fn queue(directory: &Path) -> Self {
        Self::of(service(directory, "every", HISTORY))
    }

    fn of((node, service): (Node<ipc::Service>, Service)) -> Self {
        let subscriber = service.subscriber_builder().create().expect("a subscriber");
        IceoryxReader { held: Vec::new(), subscriber, _service: service, _node: node }
    }

    #[inline]
    pub fn receive(&self) -> Option<u8> {
        let sample = self.subscriber.receive().expect("no error")?;
        sample.payload().first().copied()
    }
}

impl Take for IceoryxReader {
    fn take(&mut self) -> Option<u8> {
        self.receive()
    }

    fn take_whole(&mut self) -> usize {
        self.subscriber.receive().expect("no error").map_or(0, |sample| sum(sample.payload()))
    }

    fn hold(&mut self) -> bool {
        let sample = self.subscriber.receive().expect("no error");
        sample.iter().for_each(|sample| {
            std::hint::black_box(sum(sample.payload()));
        });
        self.held.extend(sample);
        true
    }
}
