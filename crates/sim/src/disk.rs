//! The disk is folders and files in memory, with the answers of a file system: found, not there, not allowed out.

use core::ops::Range;
use std::collections::BTreeMap;

use levada_ring::{Access, Creation, Errno, FileKind, OpenHow};

/// A file or folder, by its number.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct NodeId(usize);

/// The folder that every path begins in.
pub(crate) const ROOT: NodeId = NodeId(0);

/// All files and folders there ever were.
#[derive(Debug)]
pub(crate) struct Disk {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    content: Content,
    parent: NodeId,
    modified_s: i64,
    /// It may change while it is read, if the seed says so.
    is_restless: bool,
}

#[derive(Debug)]
enum Content {
    Folder(BTreeMap<Vec<u8>, NodeId>),
    File(Vec<u8>),
}

/// What the disk says of a node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct About {
    pub(crate) kind: FileKind,
    pub(crate) bytes: u64,
    pub(crate) inode: u64,
    pub(crate) modified_s: i64,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let content = Content::Folder(BTreeMap::new());
        Self { nodes: vec![Node { content, parent: ROOT, modified_s: 0, is_restless: false }] }
    }

    fn add(&mut self, folder: NodeId, name: &[u8], content: Content) -> NodeId {
        let id = NodeId(self.nodes.len());
        self.nodes.push(Node { content, parent: folder, modified_s: 0, is_restless: false });
        if let Content::Folder(names) = &mut self.nodes[folder.0].content {
            names.insert(name.to_vec(), id);
        }
        id
    }

    /// Puts a file there, with the folders on the way, in the place of what was there.
    pub(crate) fn put(&mut self, path: &[u8], bytes: &[u8]) -> NodeId {
        let mut folder = ROOT;
        let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                return self.add(folder, name, Content::File(bytes.to_vec()));
            }
            folder = match self.child(folder, name) {
                Ok(inner) => inner,
                Err(_) => self.add(folder, name, Content::Folder(BTreeMap::new())),
            };
        }
        folder
    }

    pub(crate) fn set_restless(&mut self, id: NodeId) {
        self.nodes[id.0].is_restless = true;
    }

    pub(crate) fn is_restless(&self, id: NodeId) -> bool {
        self.nodes[id.0].is_restless
    }

    fn child(&self, folder: NodeId, name: &[u8]) -> Result<NodeId, Errno> {
        match &self.nodes[folder.0].content {
            Content::Folder(names) => names.get(name).copied().ok_or(Errno::NOENT),
            Content::File(_) => Err(Errno::NOTDIR),
        }
    }

    fn is_folder(&self, id: NodeId) -> bool {
        matches!(self.nodes[id.0].content, Content::Folder(_))
    }

    /// The folder that the last name of the path is in, and that name; none for a path that is a folder by itself.
    fn walk<'a>(
        &self,
        from: NodeId,
        path: &'a [u8],
        beneath: bool,
    ) -> Result<(NodeId, Option<&'a [u8]>), Errno> {
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        let is_absolute = path.first() == Some(&b'/');
        if is_absolute && beneath {
            return Err(Errno::XDEV);
        }
        let mut at = if is_absolute { ROOT } else { from };
        let mut depth = 0_usize;
        let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            let is_last = names.peek().is_none();
            at = match name {
                b"." => at,
                b".." if depth == 0 && beneath => return Err(Errno::XDEV),
                b".." => {
                    depth = depth.saturating_sub(1);
                    self.nodes[at.0].parent
                }
                _ if is_last => return Ok((at, Some(name))),
                name => {
                    depth += 1;
                    self.child(at, name)?
                }
            };
            if !self.is_folder(at) {
                return Err(Errno::NOTDIR);
            }
        }
        Ok((at, None))
    }

    /// Opens a path; what is allowed says `how`.
    pub(crate) fn open(
        &mut self,
        from: NodeId,
        path: &[u8],
        how: OpenHow,
    ) -> Result<NodeId, Errno> {
        let (folder, name) = self.walk(from, path, how.beneath)?;
        let Some(name) = name else {
            return self.check_access(folder, how);
        };
        match (self.child(folder, name), how.creation) {
            (Ok(_), Creation::Always) => Err(Errno::EXIST),
            (Ok(id), creation) => {
                self.check_access(id, how)?;
                if creation == Creation::Emptied {
                    self.cut(id, 0);
                }
                Ok(id)
            }
            (Err(Errno::NOENT), creation) if creation != Creation::Never => {
                Ok(self.add(folder, name, Content::File(Vec::new())))
            }
            (Err(errno), _) => Err(errno),
        }
    }

    fn check_access(&self, id: NodeId, how: OpenHow) -> Result<NodeId, Errno> {
        let writes = matches!(how.access, Access::Write | Access::ReadWrite)
            || how.creation != Creation::Never;
        match self.is_folder(id) {
            true if writes => Err(Errno::ISDIR),
            false if how.directory => Err(Errno::NOTDIR),
            _ => Ok(id),
        }
    }

    /// What it is, or what a name in it is.
    pub(crate) fn about(&self, id: NodeId, name: Option<&[u8]>) -> Result<About, Errno> {
        let id = match name {
            None => id,
            Some(name) => match self.walk(id, name, false)? {
                (folder, Some(name)) => self.child(folder, name)?,
                (folder, None) => folder,
            },
        };
        let node = &self.nodes[id.0];
        let (kind, bytes) = match &node.content {
            Content::Folder(names) => (FileKind::Directory, names.len() as u64),
            Content::File(bytes) => (FileKind::Regular, bytes.len() as u64),
        };
        Ok(About { kind, bytes, inode: id.0 as u64 + 1, modified_s: node.modified_s })
    }

    /// Up to `bytes_max` of its bytes from `offset` on; none behind its end.
    pub(crate) fn read(&self, id: NodeId, offset: u64, bytes_max: usize) -> Result<&[u8], Errno> {
        match &self.nodes[id.0].content {
            Content::Folder(_) => Err(Errno::ISDIR),
            Content::File(bytes) => {
                let Range { start, end } = range(offset, bytes_max);
                Ok(&bytes[start.min(bytes.len())..end.min(bytes.len())])
            }
        }
    }

    /// Writes at `offset`; what is between the end and there is zero.
    pub(crate) fn write(&mut self, id: NodeId, offset: u64, written: &[u8]) -> Result<(), Errno> {
        let node = &mut self.nodes[id.0];
        let Content::File(bytes) = &mut node.content else { return Err(Errno::ISDIR) };
        let range = range(offset, written.len());
        if bytes.len() < range.end {
            bytes.resize(range.end, 0);
        }
        bytes[range].copy_from_slice(written);
        node.modified_s += 1;
        Ok(())
    }

    /// Cuts a file, or makes it longer by zeroes.
    pub(crate) fn cut(&mut self, id: NodeId, bytes_new: usize) {
        let node = &mut self.nodes[id.0];
        if let Content::File(bytes) = &mut node.content {
            bytes.resize(bytes_new, 0);
            node.modified_s += 1;
        }
    }

    /// The names of a folder from the `first` on, with their kinds and numbers.
    pub(crate) fn names(&self, id: NodeId, first: usize) -> Result<Vec<(&[u8], About)>, Errno> {
        let Content::Folder(names) = &self.nodes[id.0].content else { return Err(Errno::NOTDIR) };
        let after = names.iter().skip(first);
        after.map(|(name, id)| Ok((name.as_slice(), self.about(*id, None)?))).collect()
    }
}

fn range(offset: u64, bytes: usize) -> Range<usize> {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    start..start.saturating_add(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_what_was_put_there_and_not_above_where_it_began() {
        let mut disk = Disk::new();
        let page = disk.put(b"site/page", b"hello");
        let how = OpenHow::default();
        assert_eq!(disk.open(ROOT, b"site/page", how), Ok(page));
        assert_eq!(disk.open(ROOT, b"site/../site/./page", how), Ok(page));
        let site = disk.open(ROOT, b"site", how).unwrap();
        let beneath = OpenHow { beneath: true, ..how };
        assert_eq!(disk.open(site, b"../site/page", beneath), Err(Errno::XDEV));
        assert_eq!(disk.open(site, b"/site/page", beneath), Err(Errno::XDEV));
        assert_eq!(disk.open(site, b"../site/page", how), Ok(page));
        assert_eq!(disk.open(ROOT, b"site/page/x", how), Err(Errno::NOTDIR));
        assert_eq!(disk.open(ROOT, b"nothing", how), Err(Errno::NOENT));
        assert_eq!(disk.about(ROOT, Some(b"site")).unwrap().kind, FileKind::Directory);
        assert_eq!(disk.names(ROOT, 0).unwrap()[0].0, b"site");
    }

    #[test]
    fn a_file_is_made_written_emptied_and_read_as_it_then_is() {
        let mut disk = Disk::new();
        let made =
            OpenHow { access: Access::ReadWrite, creation: Creation::Always, ..OpenHow::default() };
        let file = disk.open(ROOT, b"new", made).unwrap();
        disk.write(file, 3, b"abc").unwrap();
        assert_eq!(disk.read(file, 0, 99), Ok(&b"\0\0\0abc"[..]));
        assert_eq!(disk.read(file, 99, 1), Ok(&b""[..]));
        assert_eq!(disk.open(ROOT, b"new", made), Err(Errno::EXIST));
        let emptied = OpenHow { creation: Creation::Emptied, ..made };
        assert_eq!(disk.open(ROOT, b"new", emptied), Ok(file));
        assert_eq!(disk.about(file, None).unwrap().bytes, 0);
        assert_eq!(disk.open(ROOT, b".", made), Err(Errno::ISDIR));
    }
}
