"""Sets the two printed pages. Usage: sheet.py FOLDER_OF_TTF OUT.pdf; the same input gives the same bytes."""

import sys
from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageBreak, PageTemplate, Paragraph, Spacer, Table

INK, SOFT, WATER, PALE, SAND = map(HexColor, ("#20302c", "#566560", "#14607a", "#cfe6ec", "#d2c074"))
MARGIN = 17 * mm


class Channel(Flowable):
    """One file, one frozen block, three replies that refer to it."""

    def __init__(self, width):
        super().__init__()
        self.width, self.height = width, 46 * mm

    def arrow(self, x, y, to_x, to_y):
        pen = self.canv
        pen.setStrokeColor(WATER)
        pen.setFillColor(WATER)
        pen.setLineWidth(1)
        pen.bezier(x, y, (x + to_x) / 2, y, (x + to_x) / 2, to_y, to_x - 5, to_y)
        head = pen.beginPath()
        head.moveTo(to_x, to_y)
        head.lineTo(to_x - 6, to_y + 2.6)
        head.lineTo(to_x - 6, to_y - 2.6)
        head.close()
        pen.drawPath(head, stroke=0, fill=1)

    def box(self, x, y, width, height, text, fill, edge=WATER):
        pen = self.canv
        pen.setFillColor(fill)
        pen.setStrokeColor(edge)
        pen.roundRect(x, y, width, height, 2, fill=1)
        pen.setFillColor(INK)
        pen.setFont("Vollkorn", 8.5)
        pen.drawCentredString(x + width / 2, y + height / 2 - 3, text)

    def draw(self):
        low, tall = 6 * mm, 36 * mm
        self.box(0, low + 12 * mm, 15 * mm, 12 * mm, "file", HexColor("#fffdf8"), INK)
        self.box(28 * mm, low, 18 * mm, tall, "frozen", PALE)
        self.arrow(15.5 * mm, low + tall / 2, 27.6 * mm, low + tall / 2)
        for index, (name, text) in enumerate((("200", "all of it"), ("206", "a range"), ("206", "another range"))):
            y = low + tall - 10 * mm - index * 13 * mm
            self.arrow(46.5 * mm, y + 5 * mm, 71.6 * mm, y + 5 * mm)
            self.canv.setFont("Vollkorn-Italic", 7.5)
            self.canv.setFillColor(SOFT)
            self.canv.drawCentredString(58 * mm, y + 6.5 * mm, text)
            self.box(72 * mm, y, 11 * mm, 10 * mm, "head", SAND, HexColor("#7d6c2c"))
            self.box(83 * mm, y, 15 * mm, 10 * mm, name, PALE)
        self.canv.setFont("Vollkorn-Italic", 7.5)
        self.canv.setFillColor(SOFT)
        self.canv.drawCentredString(37 * mm, 1.5 * mm, "filled once, then never written")
        self.canv.drawCentredString(85 * mm, 1.5 * mm, "a head, and a reference")


def page(pen, document):
    pen.saveState()
    pen.setFont("Vollkorn-Italic", 8)
    pen.setFillColor(SOFT)
    pen.drawString(MARGIN, 10 * mm, "Levada on two pages")
    pen.drawRightString(A5[0] - MARGIN, 10 * mm, str(document.page))
    pen.setStrokeColor(WATER)
    pen.setLineWidth(1.6)
    pen.bezier(0, A5[1] - 8 * mm, 50 * mm, A5[1] - 13 * mm, 90 * mm, A5[1] - 5 * mm, A5[0], A5[1] - 11 * mm)
    pen.restoreState()


def main(fonts, out):
    for name, style in (("Vollkorn", "Regular"), ("Vollkorn-Italic", "Italic"), ("Vollkorn-SemiBold", "SemiBold")):
        pdfmetrics.registerFont(TTFont(name, str(Path(fonts) / f"Vollkorn-{style}.ttf")))
    body = ParagraphStyle("body", fontName="Vollkorn", fontSize=10, leading=14.2, textColor=INK, spaceAfter=6)
    lead = ParagraphStyle("lead", body, fontSize=12, leading=16.5, spaceAfter=9)
    title = ParagraphStyle("title", body, fontName="Vollkorn-SemiBold", fontSize=22, leading=26, spaceAfter=8)
    head = ParagraphStyle("head", body, fontName="Vollkorn-SemiBold", fontSize=13, leading=17, spaceBefore=9, spaceAfter=3)
    cell = ParagraphStyle("cell", body, fontSize=9.2, leading=12.4, spaceAfter=0)
    strong = ParagraphStyle("strong", cell, fontName="Vollkorn-SemiBold")
    text = lambda words, style=body: Paragraph(words, style)
    width = A5[0] - 2 * MARGIN
    rows = (
        ("strong", "alive, under any pressure", "a reply on its way"),
        ("soft", "alive until memory is really short", "the back cache"),
        ("weak", "found if it is still there", "a core’s front cache"),
    )
    story = [
        text("Levada", title),
        text("A levada is a narrow channel that takes water along a mountain to the fields. This one takes bytes "
             "through a service, and like the other it does not pour them from vessel to vessel on the way.", lead),
        text("Bytes arrive in one shared heap. While they do, they have one owner, who fills their block. Then the "
             "block is frozen, and no one writes to it again: neither the program nor the kernel. What cannot change "
             "can be shared without a copy and without a lock, by as many readers as there are."),
        Channel(width),
        Spacer(1, 4),
        text("A reply is a small head and a reference to a range of a block. The picture above shows one file, read "
             "once, and three replies: one of the whole and two of parts. The pale blue is the same memory "
             "wherever it appears."),
        PageBreak(),
        text("What keeps bytes alive", head),
        Table(
            [[text(a, strong), text(b, cell), text(c, cell)] for a, b, c in rows],
            colWidths=[17 * mm, 52 * mm, width - 69 * mm],
            style=[
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, SOFT),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ],
        ),
        Spacer(1, 4),
        text("Bytes that nobody holds strongly or softly are freed in the same call in which the last hold ends. Each "
             "byte is charged to the accounts of those who hold it, and so a limit can be kept."),
        text("One request", head),
        text("A connection is a light process: it parses the request where it arrived and looks into its core’s front "
             "cache. A hit asks nobody and copies nothing. A miss sends one message to the process that reads files; "
             "however many wait for one file, it is read once."),
        text("What it will not do", head),
        text("It will not grow past its limits: full is an answer. It will not write to what it has shared: a changed "
             "file becomes new bytes, and replies on their way finish with the old. And it will not claim that the "
             "kernel copies nothing: what is sent still goes into the network’s own buffers, once."),
    ]
    frame = Frame(MARGIN, 16 * mm, width, A5[1] - 34 * mm, 0, 0, 0, 0)
    about = {"title": "Levada on two pages", "author": "The Levada project", "subject": "What Levada is", "lang": "en"}
    document = BaseDocTemplate(out, pagesize=A5, invariant=1, **about)
    document.addPageTemplates(PageTemplate("page", [frame], onPage=page))
    document.build(story)


if __name__ == "__main__":
    main(*sys.argv[1:])
