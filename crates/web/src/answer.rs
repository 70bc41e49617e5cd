//! Answering is saying, in HTTP, what was found: all of it, parts of it, that nothing has changed, or why not.
//!
//! Cost: a whole reply from an entry is three shared pieces; nothing is composed and nothing allocated, and of a file that
//! is known weakly only what the reply says is held. Everything else is a head composed for it, with slices of the same
//! bytes.

use levada_http::h1::{HeadLines, Persistence, ShortReply, Tail};
use levada_http::{
    Boundary, ByteRange, Coding, ContentType, Field, HttpDate, Location, Method, Multipart,
    PREFERENCE, RangePlan, ReplyHead, Request, SitePath, Status, Verdict, choose_coding, judge,
    plan_ranges,
};
use levada_process::Cause;
use levada_shared::{Account, Full, Lost, SharedData};

use crate::entry::{Entry, Form, Hold};
use crate::outgoing::{FromDisk, Outgoing, Part};
use crate::site::Site;
use crate::storage_message::Found;
use crate::tails::{Tails, compose};

/// What an answer is made with.
pub(crate) struct Answering<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) persistence: Persistence,
    pub(crate) site: &'a Site,
    pub(crate) path: SitePath<'a>,
    pub(crate) account: &'a Account,
    pub(crate) tails: &'a mut Tails,
    pub(crate) unix_s: u64,
    pub(crate) cause: Cause,
}

/// Why there is no answer.
pub(crate) enum Unanswered {
    /// There is no room for it.
    NoRoom,
    /// What it would be made of is not there any more.
    Lost(Lost),
}

impl From<Full<()>> for Unanswered {
    fn from(_: Full<()>) -> Self {
        Self::NoRoom
    }
}

impl From<Lost> for Unanswered {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

type Answer = Result<Outgoing, Unanswered>;

/// The causality id of a request, as it is logged and shown.
pub(crate) fn cause_text(cause: Cause) -> String {
    format!("{:032x}", cause.id())
}

/// A short reply that needs nothing of a request but whether it was HEAD.
pub(crate) fn short(
    account: &Account,
    head: ReplyHead<'_>,
    unix_s: u64,
    persistence: Persistence,
    method: Option<Method>,
    cause: Cause,
) -> Answer {
    let cause = cause_text(cause);
    let tail = Tail { date: HttpDate::from_unix_s(unix_s), persistence };
    let reply = ShortReply { head, cause: &cause, tail, method };
    let data = compose(account, &reply)?;
    let body_bytes = reply.body_bytes();
    Ok(Outgoing { data, from_disk: None, status: head.status.code(), body_bytes })
}

impl Answering<'_> {
    pub(crate) fn answer(&mut self, found: &Found) -> Answer {
        match found {
            Found::Entry(entry) => self.entry(entry),
            Found::NothingBut(page) => self.page(page),
            Found::Nothing => self.status(Status::NOT_FOUND),
            Found::Forbidden => self.status(Status::FORBIDDEN),
            Found::Failed => self.status(Status::INTERNAL_SERVER_ERROR),
            Found::Busy => self.short(ReplyHead {
                retry_after_s: Some(1),
                ..ReplyHead::new(Status::SERVICE_UNAVAILABLE)
            }),
            Found::Folder => {
                let path = SitePath { is_directory: true, ..self.path };
                let location = Location { path, query: self.request.target.query() };
                self.short(ReplyHead {
                    location: Some(location),
                    ..ReplyHead::new(Status::PERMANENT_REDIRECT)
                })
            }
            Found::List { text, is_json } => self.list(text, *is_json),
        }
    }

    pub(crate) fn status(&self, status: Status) -> Answer {
        self.short(ReplyHead::new(status))
    }

    fn short(&self, head: ReplyHead<'_>) -> Answer {
        let method = Some(self.request.method);
        let extra = if head.extra.is_empty() { &self.site.always } else { head.extra };
        let head = ReplyHead { extra, ..head };
        short(self.account, head, self.unix_s, self.persistence, method, self.cause)
    }

    /// What may be asked, and of a browser that asks before it asks: whether it may.
    pub(crate) fn options(&self) -> Answer {
        let fields = self.site.fields_of(self.path.relative);
        let is_preflight =
            self.request.fields.called("Access-Control-Request-Method").next().is_some();
        let extra =
            if is_preflight { [&fields[..], &self.site.preflight[..]].concat() } else { fields };
        let head = ReplyHead { allows: true, extra: &extra, ..ReplyHead::new(Status::NO_CONTENT) };
        self.short(head)
    }

    #[inline]
    pub(crate) fn entry<D: Hold>(&mut self, entry: &Entry<D>) -> Answer {
        let fields = &self.request.fields;
        let Some(coding) = choose_coding(fields, entry.codings(), &PREFERENCE) else {
            return self.status(Status::NOT_ACCEPTABLE);
        };
        let Some(form) = entry.form(coding) else { return self.status(Status::NOT_ACCEPTABLE) };
        // Most requests name no condition and no range; of the others each is a look at a field that is noted already.
        let is_plain = [
            Field::IfMatch,
            Field::IfNoneMatch,
            Field::IfModifiedSince,
            Field::IfUnmodifiedSince,
            Field::Range,
        ]
        .iter()
        .all(|field| fields.first(*field).is_none());
        if is_plain {
            return self.whole(entry, form);
        }
        let validators = form.validators(self.unix_s);
        match judge(self.request.method, fields, &validators) {
            Verdict::NotModified => return self.not_modified(form),
            Verdict::Failed => return self.status(Status::PRECONDITION_FAILED),
            Verdict::Proceed => {}
        }
        match plan_ranges(self.request.method, fields, form.version.length_bytes, &validators) {
            RangePlan::Whole => self.whole(entry, form),
            RangePlan::One(range) => self.one_range(entry, form, range),
            RangePlan::Several(ranges) => {
                let boundary =
                    Boundary::new(self.cause.id() ^ u128::from(form.version.modified_ns) << 64);
                let multipart = Multipart {
                    ranges: &ranges,
                    whole_bytes: form.version.length_bytes,
                    content_type: entry.content_type(),
                    boundary,
                };
                self.several_ranges(entry, form, &multipart)
            }
            RangePlan::Unsatisfiable => {
                let extra = self.site.fields_of(&entry.path);
                let about =
                    form.representation(entry.content_type(), entry.varies(), &extra, self.unix_s);
                self.short(about.unsatisfiable())
            }
        }
    }

    /// The page for what is not there: always whole, whatever the conditions of the request say about something else.
    fn page(&mut self, page: &Entry) -> Answer {
        let coding = choose_coding(&self.request.fields, page.codings(), &PREFERENCE)
            .unwrap_or(Coding::Identity);
        match page.form(coding) {
            Some(form) => self.whole(page, form),
            None => self.status(Status::NOT_FOUND),
        }
    }

    #[inline]
    fn whole<D: Hold>(&mut self, entry: &Entry<D>, form: &Form<D>) -> Answer {
        let status = if entry.is_not_found { Status::NOT_FOUND } else { Status::OK };
        let mut data = form.lines.hold()?;
        join(&mut data, self.tail()?);
        if self.request.method == Method::Head {
            return Ok(Outgoing { data, from_disk: None, status: status.code(), body_bytes: 0 });
        }
        let body_bytes = form.version.length_bytes;
        let from_disk = match &form.body {
            Some(body) => {
                join(&mut data, body.hold()?);
                None
            }
            None => Some(self.disk_reading(entry, form, vec![Part::Range(0..body_bytes)])?),
        };
        Ok(Outgoing { data, from_disk, status: status.code(), body_bytes })
    }

    fn not_modified<D: Hold>(&mut self, form: &Form<D>) -> Answer {
        let mut data = form.not_modified.hold()?;
        join(&mut data, self.tail()?);
        Ok(Outgoing { data, from_disk: None, status: Status::NOT_MODIFIED.code(), body_bytes: 0 })
    }

    fn one_range<D: Hold>(&mut self, entry: &Entry<D>, form: &Form<D>, range: ByteRange) -> Answer {
        let extra = self.site.fields_of(&entry.path);
        let about = form.representation(entry.content_type(), entry.varies(), &extra, self.unix_s);
        let mut data = compose(self.account, &HeadLines(about.part(range)))?;
        join(&mut data, self.tail()?);
        let status = Status::PARTIAL_CONTENT.code();
        if self.request.method == Method::Head {
            return Ok(Outgoing { data, from_disk: None, status, body_bytes: 0 });
        }
        let from_disk = match &form.body {
            Some(body) => {
                join(&mut data, part_of(&body.hold()?, range));
                None
            }
            None => Some(self.disk_reading(entry, form, vec![Part::Range(range.to_range())])?),
        };
        Ok(Outgoing { data, from_disk, status, body_bytes: range.length_bytes() })
    }

    fn several_ranges<D: Hold>(
        &mut self,
        entry: &Entry<D>,
        form: &Form<D>,
        multipart: &Multipart<'_>,
    ) -> Answer {
        let extra = self.site.fields_of(&entry.path);
        let about = form.representation(entry.content_type(), entry.varies(), &extra, self.unix_s);
        let mut data = compose(self.account, &HeadLines(about.parts(multipart)))?;
        join(&mut data, self.tail()?);
        let status = Status::PARTIAL_CONTENT.code();
        if self.request.method == Method::Head {
            return Ok(Outgoing { data, from_disk: None, status, body_bytes: 0 });
        }
        let mut parts = Vec::new();
        let body = form.body.as_ref().map(D::hold).transpose()?;
        for (head, range) in multipart.parts() {
            let head = compose(self.account, &head)?;
            match &body {
                Some(body) => {
                    join(&mut data, head);
                    join(&mut data, part_of(body, range));
                }
                None => parts.extend([Part::Text(head), Part::Range(range.to_range())]),
            }
        }
        let closing = compose(self.account, &multipart.closing())?;
        let from_disk = if body.is_some() {
            join(&mut data, closing);
            None
        } else {
            parts.push(Part::Text(closing));
            Some(self.disk_reading(entry, form, parts)?)
        };
        Ok(Outgoing { data, from_disk, status, body_bytes: multipart.body_bytes() })
    }

    fn list(&mut self, text: &SharedData, is_json: bool) -> Answer {
        let extra = self.site.fields_of(self.path.relative);
        let content_type = if is_json { ContentType::JSON } else { ContentType::HTML };
        let head = ReplyHead {
            content_type: Some(content_type),
            content_length: Some(text.len()),
            extra: &extra,
            ..ReplyHead::new(Status::OK)
        };
        let mut data = compose(self.account, &HeadLines(head))?;
        join(&mut data, self.tail()?);
        let is_head = self.request.method == Method::Head;
        if !is_head {
            join(&mut data, text.clone());
        }
        let body_bytes = if is_head { 0 } else { text.len() };
        Ok(Outgoing { data, from_disk: None, status: Status::OK.code(), body_bytes })
    }

    fn tail(&mut self) -> Result<SharedData, Unanswered> {
        Ok(self.tails.get(self.account, self.unix_s, self.persistence)?)
    }

    fn disk_reading<D: Hold>(
        &self,
        entry: &Entry<D>,
        form: &Form<D>,
        parts: Vec<Part>,
    ) -> Result<Box<FromDisk>, Lost> {
        Ok(Box::new(FromDisk {
            root: self.site.root.clone(),
            path: entry.path.clone(),
            coding: form.coding(),
            version: form.version,
            lines: form.lines.hold()?,
            parts,
        }))
    }
}

fn part_of(body: &SharedData, range: ByteRange) -> SharedData {
    body.slice(range.to_range()).expect("a range is planned within the length of its body")
}

/// Puts `next` behind. There are a few dozen pieces at most, and room for a thousand.
fn join(data: &mut SharedData, next: SharedData) {
    let joined = data.append(next);
    debug_assert!(joined.is_ok(), "a reply has fewer pieces than fit");
}
