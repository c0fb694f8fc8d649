"""Folders of images: any size and mode becomes the pixels asked for; what is no image is named."""

import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tuinet.data import image_folder
from tuinet.data.image_folder import ImageFolder, read_image
from tuinet.errors import TuinetError


def save(path, array, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(array))
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def plain(value, height=4, width=6):
    return np.full((height, width), value, np.uint8)


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "set/dog/1.png", plain(10))
    save(tmp_path / "set/dog/2.bmp", plain(20))
    save(tmp_path / "set/cat/b.png", plain(30, 9, 9))
    save(tmp_path / "set/cat/a.PNG", plain(40), "RGB")
    (tmp_path / "set/.git").mkdir()
    (tmp_path / "set/cat/.DS_Store").write_bytes(b"x")
    (tmp_path / "set/cat/Thumbs.db").write_bytes(b"x")
    (tmp_path / "set/README.md").write_text("where these come from")
    return tmp_path


def test_class_folders_sorted_resized_and_converted(folder):
    source = ImageFolder("set", (3, 5), grey=True)
    dataset = source.load(folder, 0)
    split = dataset.splits["train"]
    assert dataset.labels == ("cat", "dog") and split.targets.tolist() == [0, 0, 1, 1]
    assert split.inputs.shape == (4, 3, 5, 1) and split.inputs.dtype == np.uint8
    assert split.inputs[:, 0, 0, 0].tolist() == [40, 30, 10, 20]
    assert dataset.maximum == 255 and dataset.name == "set" and source.describe(folder) == dataset.info


def test_without_a_size_the_first_image_decides(folder):
    source = ImageFolder("set", letters_or_digits=True)
    dataset = source.load(folder, 0)
    assert dataset.input_shape.sizes == (4, 6, 3)  # cat/a.PNG is in colour
    assert source.describe(folder) == dataset.info and dataset.letters_or_digits
    (folder / "set/cat/a.PNG").unlink()
    assert ImageFolder("set").describe(folder).input_shape.sizes == (9, 9, 1)


def test_train_and_test_folders(tmp_path):
    for part, count in (("train", 3), ("test", 2)):
        for label in "ab":
            for number in range(count):
                save(tmp_path / part / label / f"{number}.png", plain(number))
    source = ImageFolder(".")
    assert source.load(tmp_path, 0).info == source.describe(tmp_path)
    assert source.describe(tmp_path).sizes == {"train": 6, "test": 4}
    save(tmp_path / "test/c/1.png", plain(0))
    with pytest.raises(TuinetError, match="different classes: c"):
        source.describe(tmp_path)


def test_pixels_come_through_unchanged(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    for suffix in ("png", "bmp", "ppm", "tiff", "webp"):
        options = {"lossless": True} if suffix == "webp" else {}
        path = save(tmp_path / f"x.{suffix}", colours, **options)
        assert np.array_equal(read_image(path, 5, 7, 3), colours), suffix
    grey = colours[:, :, 0]
    assert np.array_equal(read_image(save(tmp_path / "g.png", grey), 5, 7, 1)[:, :, 0], grey)
    assert np.array_equal(read_image(tmp_path / "g.png", 5, 7, 3), np.repeat(grey[:, :, None], 3, 2))


def test_grey_is_the_luma_of_the_colours(tmp_path):
    # 0.299 · 200 + 0.587 · 100 + 0.114 · 50 = 124.2
    path = save(tmp_path / "x.png", np.full((2, 2, 3), (200, 100, 50), np.uint8))
    assert (read_image(path, 2, 2, 1) == 124).all()


def test_halving_averages_and_large_jpegs_are_right(tmp_path):
    checks = np.tile(np.array([[0, 200], [200, 0]], np.uint8), (8, 8))
    assert abs(read_image(save(tmp_path / "x.png", checks), 4, 4, 1).astype(int) - 100).max() <= 1
    ramp = np.tile(np.linspace(0, 255, 1024).astype(np.uint8), (768, 1))
    small = read_image(save(tmp_path / "x.jpg", ramp, quality=95), 6, 8, 1)[:, :, 0].astype(int)
    assert small.shape == (6, 8) and abs(small - np.arange(16, 255, 32)[:8]).max() <= 4


def test_modes(tmp_path):
    deep = (np.arange(4, dtype=np.uint16).reshape(2, 2) * 0x4000 + 0x12).astype(np.uint16)
    assert read_image(save(tmp_path / "16.png", deep), 2, 2, 1).ravel().tolist() == [0, 64, 128, 192]
    assert (read_image(save(tmp_path / "1.png", plain(255), "1"), 4, 6, 1) == 255).all()
    assert (read_image(save(tmp_path / "p.png", plain(77), "P"), 4, 6, 1) == 77).all()
    clear = np.zeros((2, 2, 4), np.uint8)
    clear[0] = (9, 9, 9, 255)
    assert read_image(save(tmp_path / "a.png", clear), 2, 2, 1).ravel().tolist() == [9, 9, 255, 255]
    cmyk = save(tmp_path / "c.jpg", np.full((8, 8, 3), 255, np.uint8), "CMYK")
    assert read_image(cmyk, 8, 8, 3).min() > 250
    with pytest.raises(TuinetError, match=r"f\.tiff has pixels of an unusual type"):
        read_image(save(tmp_path / "f.tiff", np.zeros((2, 2), np.float32)), 2, 2, 1)


def test_a_photo_is_turned_as_its_camera_says(tmp_path):
    image = Image.new("L", (4, 2))
    ImageDraw.Draw(image).point((0, 0), 255)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90°
    image.save(tmp_path / "x.png", exif=exif)
    pixels = read_image(tmp_path / "x.png", 4, 2, 1)[:, :, 0]
    assert pixels[0, 1] == 255 and pixels.sum() == 255


def chunk(kind, data):
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def test_what_is_no_image_is_named(tmp_path):
    good = save(tmp_path / "good.png", np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)).read_bytes()
    frames = [Image.new("L", (4, 4), value) for value in (0, 255)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    size, big = (60_000).to_bytes(4, "big"), (10_000).to_bytes(4, "big")
    rest = chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    files = {
        "text.png": (b"hello", "is not an image"),
        "empty.png": (b"", "is not an image"),
        "half.png": (good[: len(good) // 2], "is damaged"),
        "ruined.png": (good[:60] + bytes(40) + good[100:], "is damaged"),
        "bomb.png": (good[:8] + chunk(b"IHDR", size + size + b"\x08\0\0\0\0") + rest, "more pixels than|million read"),
        "big.png": (good[:8] + chunk(b"IHDR", big + big + b"\x08\0\0\0\0") + rest, "10000×10000 pixels"),
        "drawing.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not an image"),
        "moving.gif": ((tmp_path / "moving.gif").read_bytes(), "several images"),
    }
    for name, (content, says) in files.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TuinetError, match=says) as caught:
            read_image(tmp_path / name, 8, 8, 1)
        assert name in str(caught.value)
    for name, says in [("none.png", "no file"), (".", "is not a file"), ("a\0b", "damaged or cannot be read")]:
        with pytest.raises(TuinetError, match=says):
            read_image(tmp_path / name, 8, 8, 1)
    with pytest.raises(TuinetError, match="not 4"):
        read_image(tmp_path / "good.png", 8, 8, 4)


def refused(folder, **settings):
    messages = []
    for read in (lambda s: s.load(folder, 0), lambda s: s.describe(folder)):
        with pytest.raises(TuinetError) as caught:
            read(ImageFolder("set", **settings))
        messages.append(str(caught.value))
    return messages[0]


def test_folders_that_are_wrong(folder, monkeypatch):
    (folder / "set/cat/notes.txt").write_text("hello")
    assert "notes.txt is not an image file" in refused(folder)
    (folder / "set/cat/notes.txt").unlink()
    (folder / "set/cat/inner.png").mkdir()
    assert "inner.png is not an image file" in refused(folder)
    (folder / "set/cat/inner.png").rmdir()
    (folder / "set/empty").mkdir()
    assert "empty holds no images" in refused(folder)
    (folder / "set/empty").rmdir()
    with pytest.raises(TuinetError, match="no class folders"):
        ImageFolder("set/cat").load(folder, 0)
    with pytest.raises(TuinetError, match="cannot be read"):
        ImageFolder("nowhere").load(folder, 0)
    monkeypatch.setattr(image_folder, "MAX_WHOLE", 1000)
    assert "4 images of 10×10×3 take" in refused(folder, size=(10, 10), grey=False)


def test_an_image_that_is_damaged_is_named_by_load(folder):
    (folder / "set/dog/1.png").write_bytes(b"hello")
    with pytest.raises(TuinetError, match=r"1\.png is not an image"):
        ImageFolder("set").load(folder, 0)
