//! A message's impl: `FLAT` if every field is flat, `CHARGES` if any is charged to an account, and a visit of those alive.
//!
//! ```text
//! enum E { A(T), B { b: U } }   ->   const FLAT: bool = <T as Message>::FLAT && <U as Message>::FLAT
//!                                    const CHARGES: bool = <T as Message>::CHARGES || <U as Message>::CHARGES
//!                                    match self { Self::A { 0: f0 } => visit T, Self::B { b: f0 } => visit U }
//! ```
//!
//! Each mention of a field's type carries the span of that type, so a field that is no message is what the error points at.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, GenericParam, Member, Path, parse_quote};

use crate::home::home;

/// Writes the impl for `item`, or the error that says why there is none.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    syn::parse2(item).and_then(implement).unwrap_or_else(|error| error.to_compile_error())
}

fn implement(mut item: DeriveInput) -> Result<TokenStream, Error> {
    let home = home(&item.attrs, "message", parse_quote!(::levada_process))?;
    for parameter in &mut item.generics.params {
        match parameter {
            GenericParam::Type(parameter) => parameter.bounds.push(parse_quote!(#home::Message)),
            GenericParam::Lifetime(lifetime) => {
                return Err(Error::new(
                    lifetime.span(),
                    "a message owns all that it carries: it has no lifetime",
                ));
            }
            GenericParam::Const(_) => {}
        }
    }
    let (kinds, arms) = match item.data {
        Data::Struct(data) => {
            let (kinds, arm) = variant(&home, &quote!(Self), &data.fields);
            (kinds, quote!(match self { #arm }))
        }
        Data::Enum(data) if data.variants.is_empty() => (Vec::new(), quote!(match *self {})),
        Data::Enum(data) => {
            let mut all_kinds = Vec::new();
            let arms: Vec<_> = data
                .variants
                .iter()
                .map(|one| {
                    let name = &one.ident;
                    let (kinds, arm) = variant(&home, &quote!(Self::#name), &one.fields);
                    all_kinds.extend(kinds);
                    arm
                })
                .collect();
            (all_kinds, quote!(match self { #(#arms)* }))
        }
        Data::Union(data) => {
            return Err(Error::new(
                data.union_token.span,
                "a union cannot be a message: nothing says which field is alive",
            ));
        }
    };
    let (name, (parameters, arguments, bounds)) = (&item.ident, item.generics.split_for_impl());
    Ok(quote! {
        #[automatically_derived]
        impl #parameters #home::Message for #name #arguments #bounds {
            const FLAT: bool = true #(&& #kinds::FLAT)*;
            const CHARGES: bool = false #(|| #kinds::CHARGES)*;
            fn visit(&mut self, visit: &mut #home::Visit<'_>) {
                let _ = &visit;
                #arms
            }
        }
    })
}

/// The fields of one variant as messages, and the arm that visits them.
fn variant(home: &Path, name: &TokenStream, fields: &Fields) -> (Vec<TokenStream>, TokenStream) {
    let visit = format_ident!("visit");
    let (mut kinds, mut patterns, mut visits) = (Vec::new(), Vec::new(), Vec::new());
    for (index, field) in fields.iter().enumerate() {
        let (member, kind) =
            (field.ident.clone().map_or(Member::from(index), Member::from), &field.ty);
        let binding = format_ident!("field_{index}");
        // The place is the type's; the tokens are ours, so no lint takes them for what the user wrote.
        let span = kind.span().resolved_at(Span::mixed_site());
        kinds.push(quote_spanned!(span=> <#kind as #home::Message>));
        visits.push(quote_spanned!(span=> <#kind as #home::Message>::visit(#binding, #visit);));
        patterns.push(quote!(#member: #binding));
    }
    (kinds, quote!(#name { #(#patterns),* } => { #(#visits)* }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(item: TokenStream) -> String {
        implement(syn::parse2(item).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn the_crate_is_levada_process_unless_another_is_named() {
        let named = |item| implement(syn::parse2(item).unwrap()).unwrap().to_string();
        assert!(
            named(quote!(
                struct A;
            ))
            .contains(":: levada_process :: Message for A")
        );
        let other = quote!(
            #[message(crate = "crate::inner")]
            struct A;
        );
        assert!(named(other).contains("crate :: inner :: Message for A"));
    }

    #[test]
    fn what_cannot_be_a_message_is_told_why() {
        assert!(refusal(quote!(union A { a: u8 })).starts_with("a union cannot be a message"));
        assert!(
            refusal(quote!(
                struct A<'a>(&'a u8);
            ))
            .starts_with("a message owns all that it carries")
        );
        assert!(
            refusal(quote!(
                #[message(krate = "x")]
                struct A;
            ))
            .starts_with("what can be said here")
        );
    }
}
