"""Takes one file out of an archive, or out of one within it, however deep.

Usage: unpack.py NAME ARCHIVE TO
"""

import io
import sys
import tarfile
import zipfile


def members(data):
    """The files of an archive: their names, and what is in them."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        archive = zipfile.ZipFile(io.BytesIO(data))
        return ((each.filename, archive.read(each)) for each in archive.infolist() if not each.is_dir())
    archive = tarfile.open(fileobj=io.BytesIO(data))
    return ((each.name, archive.extractfile(each).read()) for each in archive if each.isfile())


def find(name, data):
    for path, content in members(data):
        if path.rpartition("/")[2] == name:
            return content
        if path.endswith((".zip", ".tgz", ".whl")) and (found := find(name, content)):
            return found
    return None


name, archive, to = sys.argv[1:]
with open(archive, "rb") as source:
    found = find(name, source.read())
if not found:
    sys.exit(f"error: there is no `{name}` in {archive}")
with open(to, "wb") as out:
    out.write(found)
