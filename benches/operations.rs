//! What each operation costs, next to the copy that bounds it, under named noise: `cargo bench`.
//!
//! The noise goes on in threads beside the operation that is measured: `alone`, nothing; `w1`, a writer of the same size
//! under another tag; `r1` and `r3`, readers of the same tag that take the latest value again and again.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndsharray::Store;

const SIZES: [usize; 4] = [64, 64 << 10, 1280 * 720 * 3, 50 << 20];
/// Name, writers of another tag, readers of the same.
const NOISES: [(&str, usize, usize); 4] = [("alone", 0, 0), ("w1", 1, 0), ("r1", 0, 1), ("r3", 0, 3)];

fn operations(c: &mut Criterion) {
    let dir = tempfile::tempdir_in("/dev/shm").expect("a directory in /dev/shm");
    let store = Store::open(dir.path()).expect("a store");
    for (noise, writers, readers) in NOISES {
        for size in SIZES {
            let mut writer = store.writer("bench").expect("a writer");
            writer.write_slice(&vec![7_u8; size], &[size]).expect("a write");
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                for _ in 0..writers {
                    scope.spawn(|| write_until(&stop, &store, size));
                }
                for _ in 0..readers {
                    scope.spawn(|| read_until(&stop, &store));
                }
                // Stopped also if a measurement panics: the scope waits for its threads.
                let _stop = Stop(&stop);
                measure(c, noise, &store, &mut writer, size);
            });
        }
    }
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn write_until(stop: &AtomicBool, store: &Store, size: usize) {
    let data = vec![8_u8; size];
    let mut writer = store.writer("noise").expect("a writer");
    while !stop.load(Ordering::Relaxed) {
        writer.write_slice(black_box(&data), &[size]).expect("a write");
    }
}

fn read_until(stop: &AtomicBool, store: &Store) {
    let reader = store.reader("bench").expect("a reader");
    while !stop.load(Ordering::Relaxed) {
        black_box(reader.view().expect("a value").bytes()[0]);
    }
}

fn measure(c: &mut Criterion, noise: &str, store: &Store, writer: &mut ndsharray::Writer, size: usize) {
    let data = vec![7_u8; size];
    let mut warm = vec![0_u8; size];
    let mut group = c.benchmark_group(noise);
    group.throughput(Throughput::Bytes(size as u64));
    group.bench_function(BenchmarkId::new("copy between warm buffers", size), |b| {
        b.iter(|| black_box(&mut warm).copy_from_slice(black_box(&data)));
    });
    group.bench_function(BenchmarkId::new("write_slice", size), |b| {
        b.iter(|| writer.write_slice(black_box(&data), &[size]).expect("a write"));
    });
    group.bench_function(BenchmarkId::new("loan and publish", size), |b| {
        b.iter(|| writer.loan::<u8>(&[size]).expect("a loan").publish().expect("a publish"));
    });
    let mut reader = store.reader("bench").expect("a reader");
    group.bench_function(BenchmarkId::new("view, unchanged", size), |b| {
        b.iter(|| black_box(reader.view().expect("a value").bytes()[0]));
    });
    group.bench_function(BenchmarkId::new("latest, unchanged", size), |b| {
        b.iter(|| black_box(reader.latest().expect("a value").bytes()[0]));
    });
    group.bench_function(BenchmarkId::new("read, nothing new", size), |b| {
        reader.read().expect("a value");
        b.iter(|| black_box(reader.read().expect("no error").is_none()));
    });
    group.finish();
}

fn layouts(c: &mut Criterion) {
    let dir = tempfile::tempdir_in("/dev/shm").expect("a directory in /dev/shm");
    let store = Store::open(dir.path()).expect("a store");
    let mut writer = store.writer("layout").expect("a writer");
    let data = vec![7_u8; 1 << 20];
    let mut turn = false;
    c.bench_function("alone/layout change that fits", |b| {
        b.iter(|| {
            turn = !turn;
            let shape: &[usize] = if turn { &[1 << 20] } else { &[1 << 10, 1 << 10] };
            writer.write_slice(black_box(&data), shape).expect("a write")
        });
    });
}

criterion_group!(benches, operations, layouts);
criterion_main!(benches);
