//! An arrow is a crate's import of a crate; every arrow goes down to a lower floor.

use crate::finding::Finding;
use crate::house::{self, BESIDE, SIMULATOR};
use crate::manifest::Value;
use crate::package::{Package, When};
use crate::workspace::Workspace;

/// Every crate stands on the floor that the house gave it, and imports only from lower ones.
#[must_use]
pub fn every_arrow_goes_down(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        findings.extend(wrong_name(package));
        findings.extend(wrong_floor(package));
        if !BESIDE.contains(&package.folder.as_str()) {
            findings.extend(wrong_arrows(workspace, package));
        }
    }
    findings
}

fn wrong_name(package: &Package) -> Option<Finding> {
    let wanted = house::package_name(&package.folder);
    let name = package.name();
    (name != wanted).then(|| {
        let line = package.manifest.at(&["package", "name"]).map_or(1, |node| node.line);
        let fault = format!("the package in {} is called {name}", package.path());
        Finding::new(&package.file, line, fault, format!("call it {wanted}"))
    })
}

fn wrong_floor(package: &Package) -> Option<Finding> {
    let node = package.manifest.at(&["package", "metadata", "levada", "floor"]);
    let line = node.map_or(1, |node| node.line);
    let said = node.map(|node| match &node.value {
        Value::Number(number) => number.parse::<u32>().ok(),
        _ => None,
    });
    let find = |fault: String, cure: String| Some(Finding::new(&package.file, line, fault, cure));
    let folder = package.folder.as_str();
    match (house::floor_of(folder), said) {
        (Some(given), Some(Some(said))) if given == said => None,
        (Some(given), Some(_)) => find(
            format!("the house gave {folder} floor {given}, the manifest says another"),
            format!("write floor = {given}, or move the crate in tidy's house.rs and say why"),
        ),
        (Some(given), None) => find(
            format!("{folder} does not say its floor"),
            format!("write [package.metadata.levada] with floor = {given}"),
        ),
        (None, Some(_)) if BESIDE.contains(&folder) => find(
            format!("{folder} stands beside the house and says a floor"),
            "take the floor out".to_owned(),
        ),
        (None, None) if BESIDE.contains(&folder) => None,
        (None, _) => find(
            format!("the house knows no crate {folder}"),
            "give it a floor in tidy's house.rs, or a place beside the house".to_owned(),
        ),
    }
}

fn wrong_arrows(workspace: &Workspace, package: &Package) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(here) = house::floor_of(&package.folder) else { return findings };
    for dependency in package.dependencies(&workspace.root) {
        let Some(folder) = house::folder_of(&dependency.package) else { continue };
        let fits = match house::floor_of(folder) {
            Some(there) => there < here || folder == package.folder,
            None => dependency.when == When::Testing && folder == SIMULATOR,
        };
        if !fits {
            let there = house::floor_of(folder)
                .map_or_else(|| "beside the house".to_owned(), |floor| format!("on floor {floor}"));
            findings.push(Finding::new(
                &package.file,
                dependency.line,
                format!("{} (floor {here}) imports {folder}, which stands {there}", package.folder),
                "import from a lower floor, or move what both need to one",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(folder: &str, floor: u32, dependencies: &str) -> String {
        format!(
            "[package]\nname = \"levada-{folder}\"\n[package.metadata.levada]\nfloor = {floor}\n{dependencies}"
        )
    }

    fn faults(manifests: &[(&str, String)]) -> Vec<String> {
        let paths: Vec<_> =
            manifests.iter().map(|(folder, _)| format!("crates/{folder}/Cargo.toml")).collect();
        let files: Vec<_> = paths
            .iter()
            .zip(manifests)
            .map(|(path, (_, text))| (path.as_str(), text.as_str()))
            .collect();
        every_arrow_goes_down(&Workspace::of(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_arrow_down_is_no_finding() {
        let down = "[dependencies]\nlevada-shared.workspace = true\n[dev-dependencies]\nlevada-sim.workspace = true\n";
        assert!(faults(&[("pile", manifest("pile", 3, down))]).is_empty());
    }

    #[test]
    fn arrows_up_sideways_and_out_of_the_house_are_found() {
        for (name, table) in [
            ("cache", "dependencies"),
            ("channel", "dependencies"),
            ("sim", "dependencies"),
            ("tidy", "dev-dependencies"),
            ("domain", "target.'cfg(loom)'.build-dependencies"),
        ] {
            let arrow = format!("[{table}]\nlevada-{name} = \"0.1\"\n");
            let faults = faults(&[("pile", manifest("pile", 3, &arrow))]);
            assert_eq!(faults.len(), 1, "{name}");
            let told = format!("crates/pile/Cargo.toml:6: pile (floor 3) imports {name}");
            assert!(faults[0].starts_with(&told), "{faults:?}");
        }
    }

    #[test]
    fn a_floor_that_the_house_did_not_give_is_found() {
        let faults = faults(&[
            ("pile", manifest("pile", 2, "")),
            ("ring", "[package]\nname = \"levada-ring\"\n".to_owned()),
            ("sim", manifest("sim", 1, "")),
            ("attic", manifest("attic", 9, "")),
            ("queue", manifest("queues", 1, "")),
        ]);
        assert_eq!(faults.len(), 5, "{faults:#?}");
    }
}
