"""The data sets that can be fetched: where their authors keep them, and by which hashes they are known.

Hashes of MNIST's files are those of what is inside the .gz, so that any mirror's compression will do. Fashion-MNIST's
authors' hashes are of the .gz files. CIFAR-10 is known by its archive and by the files inside.
Sources: MNIST, computed from files whose MD5s are the published ones; Fashion-MNIST and CIFAR-10, the registries of
TensorFlow Datasets and of torchvision's ports, which agree with the MD5s that the authors give; the texts, computed
from their files.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Content:
    """A file as it is kept: unpacked, of at most `size` bytes. `sha256` "" where it is not known."""

    name: str
    size: int
    sha256: str = ""
    required: bool = True


@dataclass(frozen=True)
class Package:
    """A file as it lies on a mirror: one content, as it is or as a .gz, or a .tar.gz of several, in `folder`."""

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
    """A data set as its authors publish it. `page`: where a person finds it, if there are no mirrors."""

    mirrors: tuple[str, ...]
    packages: tuple[Package, ...]
    page: str = ""

    @property
    def contents(self) -> tuple[Content, ...]:
        return tuple(content for package in self.packages for content in package.contents)


def _gz(name: str, size: int, unpacked: int, sha256: str = "", content_sha256: str = "") -> Package:
    return Package(f"{name}.gz", size, (Content(name, unpacked, content_sha256),), sha256)


def _plain(name: str, size: int, sha256: str = "") -> Package:
    return Package(name, size, (Content(name, size, sha256),), sha256)


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

# The packed hashes are those of the files in the authors' repository at GitHub, the unpacked ones were computed.
MULTI30K = Official(
    mirrors=("https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw",),
    packages=(
        _gz(
            "train.en",
            568_929,
            1_801_238,
            "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
            "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
        ),
        _gz(
            "train.de",
            637_044,
            2_110_398,
            "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
            "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
        ),
        _gz(
            "val.en",
            21_650,
            63_297,
            "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
            "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
        ),
        _gz(
            "val.de",
            24_681,
            75_981,
            "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
            "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
        ),
        _gz(
            "test_2016_flickr.en",
            21_077,
            62_076,
            "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
            "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
        ),
        _gz(
            "test_2016_flickr.de",
            22_890,
            70_649,
            "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
            "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
        ),
    ),
)

# The treebank's authors publish trees (https://nlp.stanford.edu/sentiment), not these lines: whole sentences with the
# neutral ones left out, as they are taught and measured with nearly everywhere. The mirror is where they are taken
# from most; the hashes were computed from a copy of those files.
SST2 = Official(
    mirrors=("https://raw.githubusercontent.com/clairett/pytorch-sentiment-classification/master/data/SST2",),
    packages=(
        _plain("train.tsv", 720_259, "ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920"),
        _plain("dev.tsv", 92_057, "eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359"),
        _plain("test.tsv", 188_749, "831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7"),
    ),
)

TINY_SHAKESPEARE = Official(
    mirrors=("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare",),
    packages=(_plain("input.txt", 1_115_394, "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"),),
)

# Made anew from Tatoeba's sentences every few weeks, as a .zip: no file of it is the official one for long, so that
# none is known by a hash. 128 MiB leave it room to grow.
ENG_FRA = Official(
    mirrors=(),
    packages=(_plain("fra.txt", 2**27),),
    page="https://www.manythings.org/anki/ (fra-eng.zip)",
)

OFFICIAL = {
    "mnist": MNIST,
    "fashion-mnist": FASHION_MNIST,
    "cifar10": CIFAR10,
    "eng-fra": ENG_FRA,
    "multi30k": MULTI30K,
    "sst2": SST2,
    "tinyshakespeare": TINY_SHAKESPEARE,
}
