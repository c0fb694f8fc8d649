"""The data sets that can be fetched: where their authors keep them, and by which hashes they are known.

Hashes of MNIST's files are those of what is inside the .gz, so that any mirror's compression will do. Fashion-MNIST's
authors' hashes are of the .gz files. CIFAR-10 is known by its archive and by the files inside.
Sources: MNIST, computed from files whose MD5s are the published ones; Fashion-MNIST and CIFAR-10, the registries of
TensorFlow Datasets and of torchvision's ports, which agree with the MD5s that the authors give.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Content:
    """A file as it is kept: unpacked. `sha256` "" where only the hash of its package is known."""

    name: str
    size: int
    sha256: str = ""
    required: bool = True


@dataclass(frozen=True)
class Package:
    """A file as it lies on a mirror: a .gz of one content, or a .tar.gz of several, in `folder`."""

    name: str
    size: int
    contents: tuple[Content, ...]
    sha256: str = ""
    folder: str = ""

    @property
    def archive(self) -> bool:
        return bool(self.folder)

    @property
    def limit(self) -> int:
        """The most bytes it can honestly have, packed or not."""
        return max(self.size, sum(content.size for content in self.contents)) + 2**20


@dataclass(frozen=True)
class Official:
    """A data set as its authors publish it."""

    mirrors: tuple[str, ...]
    packages: tuple[Package, ...]

    @property
    def contents(self) -> tuple[Content, ...]:
        return tuple(content for package in self.packages for content in package.contents)


def _gz(name: str, size: int, unpacked: int, sha256: str = "", content_sha256: str = "") -> Package:
    return Package(f"{name}.gz", size, (Content(name, unpacked, content_sha256),), sha256)


TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"

MNIST = Official(
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ),
    packages=(
        _gz(
            TRAIN_IMAGES,
            9_912_422,
            47_040_016,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        _gz(
            TRAIN_LABELS,
            28_881,
            60_008,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        _gz(
            TEST_IMAGES,
            1_648_877,
            7_840_016,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        _gz(
            TEST_LABELS,
            4_542,
            10_008,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
)

FASHION_MNIST = Official(
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ),
    packages=(
        _gz(TRAIN_IMAGES, 26_421_880, 47_040_016, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        _gz(TRAIN_LABELS, 29_515, 60_008, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        _gz(TEST_IMAGES, 4_422_102, 7_840_016, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        _gz(TEST_LABELS, 5_148, 10_008, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
)

CIFAR_BATCH = 10_000 * 3_073
"""Bytes of a batch: a label and 32·32·3 values an image."""

_CIFAR_BATCHES = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}

CIFAR10 = Official(
    mirrors=("https://www.cs.toronto.edu/~kriz",),
    packages=(
        Package(
            "cifar-10-binary.tar.gz",
            170_052_171,
            # A part of the set (one training batch and the test batch) is data too, though not the official set.
            tuple(
                Content(name, CIFAR_BATCH, sha256, required=name in ("data_batch_1.bin", "test_batch.bin"))
                for name, sha256 in _CIFAR_BATCHES.items()
            ),
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            "cifar-10-batches-bin",
        ),
    ),
)

OFFICIAL = {"mnist": MNIST, "fashion-mnist": FASHION_MNIST, "cifar10": CIFAR10}
