//! A package is one folder of `crates/`: its manifest, what it depends on, and the files that its targets begin with.

use crate::house;
use crate::manifest::Node;
use crate::tree::Tree;

/// One folder of `crates/`.
#[derive(Debug)]
pub(crate) struct Package {
    /// Its folder's name under `crates/`.
    pub(crate) folder: String,
    /// Its manifest's file.
    pub(crate) file: String,
    pub(crate) manifest: Node,
}

/// When a dependency is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum When {
    Always,
    Building,
    Testing,
}

/// A line of a manifest that names another package.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) line: usize,
    /// The package's own name, whatever it is called here.
    pub(crate) package: String,
    pub(crate) when: When,
}

/// What a compilation begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TargetKind {
    Library,
    Program,
    /// Tests, benches, examples and the build script: nobody imports them.
    Beside,
}

/// A file with which a compilation begins.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) file: String,
    /// As `cargo` calls it.
    pub(crate) name: String,
    /// Which of cargo's flags names it: `bin`, `test`, `bench`, `example`.
    pub(crate) flag: &'static str,
    pub(crate) kind: TargetKind,
}

impl Package {
    pub(crate) fn new(folder: &str, file: &str, manifest: Node) -> Self {
        Self { folder: folder.to_owned(), file: file.to_owned(), manifest }
    }

    pub(crate) fn name(&self) -> String {
        let name = self.manifest.text_at(&["package", "name"]);
        name.map_or_else(|| house::package_name(&self.folder), str::to_owned)
    }

    /// Its folder from the workspace's root.
    pub(crate) fn path(&self) -> String {
        format!("crates/{}", self.folder)
    }

    /// Whether others are meant to get it.
    pub(crate) fn is_published(&self) -> bool {
        self.manifest.at(&["package", "publish"]).and_then(Node::truth) != Some(false)
    }

    /// Every dependency, of any platform and for any purpose.
    pub(crate) fn dependencies(&self, root: &Node) -> Vec<Dependency> {
        let mut found = Vec::new();
        let mut places = vec![&self.manifest];
        let targets = self.manifest.at(&["target"]).and_then(Node::entries);
        places.extend(targets.into_iter().flat_map(|targets| targets.values()));
        for place in places {
            for (key, when) in [
                ("dependencies", When::Always),
                ("build-dependencies", When::Building),
                ("dev-dependencies", When::Testing),
            ] {
                let entries = place.at(&[key]).and_then(Node::entries);
                for (name, node) in entries.into_iter().flatten() {
                    let inherited = node.at(&["workspace"]).is_some();
                    let at_root = root.at(&["workspace", "dependencies", name]);
                    let said = if inherited { at_root } else { Some(node) };
                    let package = said.and_then(|said| said.text_at(&["package"])).unwrap_or(name);
                    let package = package.to_owned();
                    found.push(Dependency { line: node.line, package, when });
                }
            }
        }
        found
    }

    /// What its compilations begin with, found as cargo finds it.
    pub(crate) fn targets(&self, tree: &Tree) -> Vec<Target> {
        let mut found = Vec::new();
        let path = self.path();
        let mut add = |file: String, name: &str, flag, kind| {
            if tree.has(&file) && !found.iter().any(|target: &Target| target.file == file) {
                found.push(Target { file, name: name.to_owned(), flag, kind });
            }
        };
        for (key, folder, kind) in [
            ("bin", "src/bin", TargetKind::Program),
            ("test", "tests", TargetKind::Beside),
            ("bench", "benches", TargetKind::Beside),
            ("example", "examples", TargetKind::Beside),
        ] {
            for node in self.manifest.at(&[key]).and_then(Node::list).unwrap_or_default() {
                let Some(name) = node.text_at(&["name"]) else { continue };
                let usual = if key == "bin" && !tree.has(&format!("{path}/src/bin/{name}.rs")) {
                    "src/main.rs".to_owned()
                } else {
                    format!("{folder}/{name}.rs")
                };
                let file = node.text_at(&["path"]).map_or(usual, str::to_owned);
                add(format!("{path}/{file}"), name, key, kind);
            }
            for (file, _) in tree.ending(".rs") {
                let inside = file.strip_prefix(&format!("{path}/{folder}/"));
                let stem = inside.and_then(|file| file.strip_suffix(".rs"));
                let Some(stem) = stem.map(|stem| stem.strip_suffix("/main").unwrap_or(stem)) else {
                    continue;
                };
                if !stem.contains('/') {
                    add(file.to_owned(), stem, key, kind);
                }
            }
        }
        let library = self.manifest.text_at(&["lib", "path"]).unwrap_or("src/lib.rs");
        let name = self.name();
        add(format!("{path}/{library}"), &name, "lib", TargetKind::Library);
        add(format!("{path}/src/main.rs"), &name, "bin", TargetKind::Program);
        add(format!("{path}/build.rs"), "build", "", TargetKind::Beside);
        found
    }

    /// Where the library begins, if the package has one.
    pub(crate) fn library(&self, tree: &Tree) -> Option<Target> {
        self.targets(tree).into_iter().find(|target| target.kind == TargetKind::Library)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(manifest: &str) -> Package {
        let file = "crates/pile/Cargo.toml";
        Package::new("pile", file, Node::parse(file, manifest).unwrap())
    }

    #[test]
    fn a_dependency_is_known_by_its_own_name_on_every_platform() {
        let root = "[workspace.dependencies]\nours = { package = \"levada-pages\", path = \"\" }\n";
        let root = Node::parse("Cargo.toml", root).unwrap();
        let manifest = "[dependencies]\nours.workspace = true\n[target.'cfg(loom)'.dev-dependencies]\nloom = \"0.7\"\n";
        let found = package(manifest).dependencies(&root);
        let told: Vec<_> = found.iter().map(|it| (it.package.as_str(), it.line, it.when)).collect();
        assert_eq!(told, [("levada-pages", 2, When::Always), ("loom", 4, When::Testing)]);
    }

    #[test]
    fn targets_are_found_by_place_and_by_name() {
        let manifest = "[[bin]]\nname = \"levada\"\n[[bench]]\nname = \"b\"\nharness = false\n";
        let tree = Tree::of(&[
            ("crates/pile/src/lib.rs", ""),
            ("crates/pile/src/main.rs", ""),
            ("crates/pile/tests/model.rs", ""),
            ("crates/pile/tests/parts/mod.rs", ""),
            ("crates/pile/benches/b.rs", ""),
        ]);
        let targets = package(manifest).targets(&tree);
        let names: Vec<_> =
            targets.iter().map(|target| (target.flag, target.name.as_str())).collect();
        let wanted = [("bin", "levada"), ("test", "model"), ("bench", "b"), ("lib", "levada-pile")];
        assert_eq!(names, wanted);
    }
}
