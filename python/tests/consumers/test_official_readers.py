"""Recordings, read by the official packages of MCAP, which know nothing of this one."""

import ast
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import pytest
from mcap.exceptions import McapError
from mcap.reader import make_reader
from mcap.records import Channel, Message, Schema
from mcap_protobuf.decoder import DecoderFactory

import recordings
from ndsharray import Recording


class Read(NamedTuple):
    """A message as the official reader gives it, and what protobuf makes of it."""

    schema: Schema
    channel: Channel
    message: Message
    decoded: Any


def official(paths: Iterable[Path]) -> dict[str, list[Read]]:
    """All messages by their topics, in the order of the files."""
    found: dict[str, list[Read]] = defaultdict(list)
    for path in paths:
        with path.open("rb") as file:
            reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
            for schema, channel, message, decoded in reader.iter_decoded_messages(log_time_order=False):
                assert schema is not None
                found[channel.topic].append(Read(schema, channel, message, decoded))
    return found


def elements(decoded: Any) -> np.ndarray[Any, Any]:
    """The array of a message, by the comments in `recording/proto`."""
    dtype: Any = decoded.dtype
    if hasattr(ml_dtypes, decoded.dtype):
        dtype = getattr(ml_dtypes, decoded.dtype)
    elif decoded.descr:
        dtype = ast.literal_eval(decoded.descr) if decoded.descr[0] in "[{" else decoded.descr
    array = np.frombuffer(decoded.data, dtype).reshape(decoded.shape)
    assert array.itemsize == decoded.itemsize
    return array


@pytest.fixture(scope="module", params=[*recordings.COMPRESSIONS, "split"])
def paths(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    options = ["--split", "100000"] if request.param == "split" else ["--compress", request.param]
    paths = recordings.make(tmp_path_factory.mktemp("recordings") / "run.mcap", *options)
    assert (len(paths) > 3) == (request.param == "split")
    return paths


@pytest.fixture(scope="module")
def read(paths: list[Path]) -> dict[str, list[Read]]:
    return official(paths)


def test_all_tags_are_there(read: dict[str, list[Read]]) -> None:
    assert sorted(read) == recordings.TAGS
    assert {len(messages) for messages in read.values()} == {recordings.VALUES}


@pytest.mark.parametrize("tag", recordings.TAGS)
def test_every_value_is_what_was_recorded(read: dict[str, list[Read]], tag: str) -> None:
    for number, (schema, channel, message, decoded) in enumerate(read[tag], 1):
        assert recordings.is_same(elements(decoded), recordings.array(tag, number))
        assert (schema.encoding, channel.message_encoding) == ("protobuf", "protobuf")
        assert schema.name == ("foxglove.RawImage" if tag in recordings.IMAGES else "ndsharray.Array")
        assert decoded.version == 2**32 + number and message.sequence == number
        assert message.log_time == recordings.written_at(number)
        acquired_at = message.log_time - recordings.DELAY
        assert message.publish_time == (acquired_at if tag.startswith("cam") else message.log_time)
        assert decoded.HasField("acquired_at") == tag.startswith("cam")
        assert decoded.HasField("source_written_at") == (tag == "depth")
        assert decoded.HasField("attributes") == (tag in recordings.ATTRS)
        assert decoded.HasField("attributes") or decoded.user_data == number.to_bytes(8, "little")
        assert channel.metadata["dtype"] == decoded.dtype and channel.metadata.get("descr", "") == decoded.descr
        assert channel.metadata["shape"] == str(list(decoded.shape))


@pytest.mark.parametrize("tag", recordings.TAGS)
def test_every_value_is_what_ours_reads(read: dict[str, list[Read]], paths: list[Path], tag: str) -> None:
    ours = [message for path in paths for message in (Recording(path)[tag] if tag in Recording(path) else [])]
    assert len(ours) == len(read[tag])
    for one, (_, _, message, decoded) in zip(ours, read[tag]):
        assert recordings.is_same(one.array, elements(decoded))
        assert one.written_at_ns == message.log_time and one.version & 0xFFFFFFFF == message.sequence
        assert one.version == decoded.version and one.user_data == (decoded.user_data or decoded.attributes.encode())
        assert (one.acquired_at_ns or one.written_at_ns) == message.publish_time
        assert one.acquired_at_ns == (decoded.acquired_at if decoded.HasField("acquired_at") else None)
        assert one.source_written_at_ns == (decoded.source_written_at if decoded.HasField("source_written_at") else None)
        assert one.attrs == (ast.literal_eval(decoded.attributes) if decoded.HasField("attributes") else None)


@pytest.mark.parametrize("tag", recordings.IMAGES)
def test_images_are_raw_images(read: dict[str, list[Read]], tag: str) -> None:
    """With the fields that viewers know."""
    dtype, shape, encoding = recordings.IMAGES[tag]
    for number, (schema, _, message, decoded) in enumerate(read[tag], 1):
        assert decoded.DESCRIPTOR.full_name == schema.name == "foxglove.RawImage"
        assert (decoded.height, decoded.width, decoded.encoding) == (shape[0], shape[1], encoding)
        assert decoded.step == int(np.prod(shape[1:])) * np.dtype(dtype).itemsize
        assert decoded.data == recordings.array(tag, number).tobytes() and len(decoded.data) == decoded.step * decoded.height
        assert decoded.frame_id == tag and decoded.timestamp.ToNanoseconds() == message.publish_time


def test_the_index_of_each_file(paths: list[Path]) -> None:
    """The official reader finds single messages by it."""
    total, frames = 0, []
    for path in paths:
        with path.open("rb") as file:
            reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
            summary = reader.get_summary()
            assert summary is not None and summary.statistics is not None
            assert len(summary.chunk_indexes) == summary.statistics.chunk_count > 0
            total += summary.statistics.message_count
            assert "ndsharray" in reader.get_header().library
            [metadata] = reader.iter_metadata()
            assert (metadata.name, metadata.metadata) == ("ndsharray.missed", {"cam": "3", "uint8": "0"})
            for _, _, message, decoded in reader.iter_decoded_messages(topics=["cam"], reverse=True):
                assert recordings.is_same(elements(decoded), recordings.array("cam", message.sequence))
                frames.append(message.sequence)
    assert sorted(frames) == list(range(1, recordings.VALUES + 1))
    assert total == len(recordings.TAGS) * recordings.VALUES


def test_the_first_file_says_each_layout(paths: list[Path]) -> None:
    """One channel for a tag and layout."""
    with paths[0].open("rb") as file:
        summary = make_reader(file).get_summary()
    assert summary is not None
    layouts = [(channel.topic, channel.metadata["dtype"], channel.metadata["shape"]) for channel in summary.channels.values()]
    assert len(layouts) == len(set(layouts))
    assert {schema.name for schema in summary.schemas.values()} == {"ndsharray.Array", "foxglove.RawImage"}


@pytest.mark.parametrize("compression", recordings.COMPRESSIONS)
def test_a_cut_file_that_was_recovered(tmp_path: Path, compression: str) -> None:
    """The official reader refuses the cut one. In the other it finds all that was whole."""
    [path] = recordings.make(tmp_path / "run.mcap", "--values", "300", "--compress", compression)
    with path.open("rb") as file:
        summary = make_reader(file).get_summary()
    assert summary is not None and len(summary.chunk_indexes) >= 2
    # In the middle of the last chunk.
    last = summary.chunk_indexes[-1]
    cut, whole = tmp_path / "cut.mcap", tmp_path / "whole.mcap"
    cut.write_bytes(path.read_bytes()[: last.chunk_start_offset + last.chunk_length // 2])
    with pytest.raises(McapError):
        official([cut])
    recordings.recover(cut, whole)
    read = official([whole])
    assert sorted(read) == recordings.TAGS
    for tag in recordings.TAGS:
        assert 100 < len(read[tag]) < 300
        for number, (_, _, message, decoded) in enumerate(read[tag], 1):
            assert recordings.is_same(elements(decoded), recordings.array(tag, number))
            assert (message.sequence, message.log_time) == (number, recordings.written_at(number))
    with Recording(cut) as ours:
        assert not ours.complete and ours.missed == {}
        assert {tag: len(ours[tag]) for tag in ours} == {tag: len(read[tag]) for tag in read}
