//! The operations, and how they are drawn.

use proptest::collection::vec;
use proptest::prelude::*;

/// What is written: an index of a dtype, a shape, what travels with it, a seed for the bytes.
pub type Data = (usize, Vec<usize>, Extra, u64);

/// Times of acquisition are at most this, so that many values have the same, and are near to each other.
pub const LAST_TIME: u64 = 24;

/// What travels with a value.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    /// Bytes of user data; if it has attributes, of a text among them.
    pub user: usize,
    pub attributes: bool,
    /// Times, 0 for none.
    pub acquired_at: u64,
    pub source_written_at: u64,
}

/// A way to read the next value.
#[derive(Clone, Copy, Debug)]
pub enum Next {
    Read,
    Wait,
    Every,
}

/// The time that `nearest` is asked for.
#[derive(Clone, Debug)]
pub enum Time {
    At(u64),
    /// When one of the values that are there was written.
    Written(usize),
}

#[derive(Clone, Debug)]
pub enum Op {
    /// As an array of some strides.
    Write(Data, u8),
    WriteBytes(Data),
    /// The layout of the value before once more, with other bytes.
    WriteAgain(u64),
    /// The same, so often.
    WriteMany(u64, usize),
    Loan(Data),
    LoanDropped(Data),
    /// Loaned, and published after the tag was removed (or taken over, if true) by somebody else.
    LoanTooLate(Data, bool),
    OpenReader,
    DropReader(usize),
    CloneReader(usize),
    /// `read` (or `wait` with no time, if true) of a reader; what comes is held if the second is true.
    Read(usize, bool, bool),
    Latest(usize, bool),
    /// The next value of a reader in its turn; it is held if that is true.
    ReadNext(usize, Next, bool),
    /// Each value of a reader in its turn, until there is no more.
    ReadRest(usize),
    /// The value nearest to a time, if that is so near; it is held if that is true.
    Nearest(usize, Time, Option<u64>, bool),
    /// Another process holds one of the values that are there, or lets one go.
    OthersHold(usize),
    OthersLetGo(usize),
    DropHeld(usize),
    CloneHeld(usize),
    CloseWriter,
    OpenWriter(Options),
    /// A second writer without takeover, which is refused.
    OpenTwice,
    TakeOver(Options),
    /// The writer that was superseded or whose tag was removed tries once more.
    WriteEnded(Data),
    Remove,
    ForceRemove,
    Gc,
    /// `rm` of the header, the data file, or both.
    RemoveByHand {
        header: bool,
        data: bool,
    },
}

#[derive(Clone, Debug, Default)]
pub struct Options {
    pub ephemeral: bool,
    pub capacity: usize,
    pub history: usize,
}

fn data() -> impl Strategy<Value = Data> {
    let shape = prop_oneof![
        6 => vec(0..5_usize, 0..5),
        3 => vec(1..30_usize, 1..3),
        1 => (1000..9000_usize).prop_map(|length| vec![length]),
        1 => vec(1..2_usize, 0..=64),
    ];
    (0..15_usize, shape, extra(), any::<u64>())
}

fn extra() -> impl Strategy<Value = Extra> {
    let user = prop_oneof![Just(0), 1..=240_usize, Just(2048)];
    let time = || prop_oneof![Just(0), 1..=LAST_TIME];
    (user, any::<bool>(), time(), time()).prop_map(|(user, attributes, acquired_at, source_written_at)| {
        Extra { user, attributes, acquired_at, source_written_at }
    })
}

fn options(ephemeral: bool) -> impl Strategy<Value = Options> {
    let capacity = prop_oneof![3 => Just(0), 1 => 0..50_000_usize];
    let history = prop_oneof![6 => Just(0), 8 => 1..=12_usize, 1 => Just(40), 1 => Just(248)];
    (any::<bool>(), capacity, history).prop_map(move |(short, capacity, history)| Options {
        ephemeral: short && ephemeral,
        capacity,
        history,
    })
}

fn next() -> impl Strategy<Value = Op> {
    let next = prop_oneof![Just(Next::Read), Just(Next::Wait), Just(Next::Every)];
    (any::<usize>(), next, any::<bool>()).prop_map(|(i, next, hold)| Op::ReadNext(i, next, hold))
}

fn nearest() -> impl Strategy<Value = Op> {
    let at = (0..=LAST_TIME + 2).prop_map(Time::At);
    let time = prop_oneof![3 => at, 1 => any::<usize>().prop_map(Time::Written)];
    let within = prop_oneof![1 => Just(None), 2 => (0..5_u64).prop_map(Some)];
    (any::<usize>(), time, within, any::<bool>())
        .prop_map(|(i, time, within, hold)| Op::Nearest(i, time, within, hold))
}

/// Operations that end and remove nothing.
fn peaceful() -> impl Strategy<Value = Op> {
    let any_of = any::<usize>;
    prop_oneof![
        8 => (data(), any::<u8>()).prop_map(|(data, stride)| Op::Write(data, stride)),
        4 => data().prop_map(Op::WriteBytes),
        12 => any::<u64>().prop_map(Op::WriteAgain),
        4 => data().prop_map(Op::Loan),
        3 => data().prop_map(Op::LoanDropped),
        5 => Just(Op::OpenReader),
        1 => any_of().prop_map(Op::DropReader),
        1 => any_of().prop_map(Op::CloneReader),
        12 => (any_of(), any::<bool>(), any::<bool>()).prop_map(|(i, wait, hold)| Op::Read(i, wait, hold)),
        8 => (any_of(), any::<bool>()).prop_map(|(i, hold)| Op::Latest(i, hold)),
        3 => (any::<u64>(), 1..20_usize).prop_map(|(seed, count)| Op::WriteMany(seed, count)),
        16 => next(),
        3 => any_of().prop_map(Op::ReadRest),
        6 => nearest(),
        2 => any_of().prop_map(Op::OthersHold),
        1 => any_of().prop_map(Op::OthersLetGo),
        5 => any_of().prop_map(Op::DropHeld),
        2 => any_of().prop_map(Op::CloneHeld),
        1 => Just(Op::Gc),
    ]
}

/// A sequence of up to `most` operations, without `rm`.
pub fn ops(most: usize) -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        80 => peaceful(),
        3 => Just(Op::CloseWriter),
        16 => options(true).prop_map(Op::OpenWriter),
        2 => options(true).prop_map(Op::TakeOver),
        2 => (data(), any::<bool>()).prop_map(|(data, takeover)| Op::LoanTooLate(data, takeover)),
        2 => data().prop_map(Op::WriteEnded),
        1 => Just(Op::Remove),
        1 => Just(Op::ForceRemove),
        1 => Just(Op::OpenTwice),
    ];
    vec(op, 1..most)
}

/// The same where other processes hold much, sometimes more than the spare slots.
pub fn ops_among_others(most: usize) -> impl Strategy<Value = Vec<Op>> {
    let any_of = any::<usize>;
    let op = prop_oneof![
        20 => peaceful(),
        20 => any_of().prop_map(Op::OthersHold),
        3 => any_of().prop_map(Op::OthersLetGo),
        20 => any::<u64>().prop_map(Op::WriteAgain),
        4 => data().prop_map(Op::LoanDropped),
        1 => Just(Op::CloseWriter),
        3 => options(false).prop_map(Op::OpenWriter),
    ];
    (options(false), vec(op, 1..most)).prop_map(|(options, mut ops)| {
        ops.splice(0..0, [Op::OpenWriter(options), Op::WriteBytes(small()), Op::OpenReader]);
        ops
    })
}

/// A large history that is filled, more than once, and what happens to it.
pub fn ops_of_large_histories(most: usize) -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        10 => peaceful(),
        5 => (any::<u64>(), 100..300_usize).prop_map(|(seed, count)| Op::WriteMany(seed, count)),
        1 => Just(Op::CloseWriter),
        1 => large().prop_map(Op::OpenWriter),
    ];
    (large(), vec(op, 1..most)).prop_map(|(options, mut ops)| {
        ops.splice(0..0, [Op::OpenWriter(options), Op::WriteBytes(small()), Op::OpenReader]);
        ops
    })
}

fn large() -> impl Strategy<Value = Options> {
    let history = prop_oneof![Just(40), Just(100), Just(248)];
    history.prop_map(|history| Options { ephemeral: false, capacity: 100_000, history })
}

fn small() -> Data {
    (0, vec![3], Extra::default(), 1)
}

/// A few turns of some peaceful operations and an `rm`.
pub fn ops_of_the_hand(turns: usize) -> impl Strategy<Value = Vec<Op>> {
    let by_hand = prop_oneof![Just((true, false)), Just((false, true)), Just((true, true))]
        .prop_map(|(header, data)| Op::RemoveByHand { header, data });
    let end = prop_oneof![2 => by_hand, 1 => Just(Op::CloseWriter)];
    let open = options(false).prop_map(Op::OpenWriter);
    let turn = (open, vec(peaceful(), 1..15), end).prop_map(|(open, mut ops, end)| {
        ops.insert(0, open);
        ops.push(end);
        ops
    });
    vec(turn, 1..turns).prop_map(|turns| turns.concat())
}
