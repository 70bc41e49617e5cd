//! A trait's home is the crate that it is in: a known one, unless an attribute of the type names another.

use syn::{Attribute, Error, LitStr, Path};

/// The crate that `#[NAME(crate = "path")]` names, or else the known one.
pub(crate) fn home(attributes: &[Attribute], name: &str, known: Path) -> Result<Path, Error> {
    let mut home = known;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(meta.error("what can be said here is `crate = \"path\"`"));
            }
            home = meta.value()?.parse::<LitStr>()?.parse_with(Path::parse_mod_style)?;
            Ok(())
        })?;
    }
    Ok(home)
}
