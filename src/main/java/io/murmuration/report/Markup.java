package io.murmuration.report;

import java.io.StringWriter;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/**
 * Writes HTML and SVG. Text and attribute values are escaped by the platform's XML writer, so that
 * nothing that a ledger or a manifest holds becomes markup; characters that a page must not hold
 * become U+FFFD.
 */
final class Markup {

  /** The inside of an element. */
  @FunctionalInterface
  interface Content {
    void write();
  }

  private final StringWriter target = new StringWriter();
  private final XMLStreamWriter xml;

  Markup() {
    try {
      xml = XMLOutputFactory.newDefaultFactory().createXMLStreamWriter(target);
      xml.writeDTD("<!DOCTYPE html>");
    } catch (XMLStreamException e) {
      throw failed(e);
    }
  }

  /** What was written. */
  String page() {
    try {
      xml.flush();
    } catch (XMLStreamException e) {
      throw failed(e);
    }
    return target + "\n";
  }

  /**
   * An element.
   *
   * @param attributes names and values in turn
   */
  Markup element(String name, Content content, String... attributes) {
    try {
      xml.writeStartElement(name);
      writeAttributes(attributes);
      // never self-closing: in HTML that would leave the element open
      xml.writeCharacters("");
      content.write();
      xml.writeEndElement();
      return this;
    } catch (XMLStreamException e) {
      throw failed(e);
    }
  }

  /** An element of text. */
  Markup element(String name, String text, String... attributes) {
    return element(name, () -> text(text), attributes);
  }

  /** An element that has no end tag. */
  Markup single(String name, String... attributes) {
    try {
      xml.writeEmptyElement(name);
      writeAttributes(attributes);
      return this;
    } catch (XMLStreamException e) {
      throw failed(e);
    }
  }

  /** Text. */
  Markup text(String text) {
    try {
      xml.writeCharacters(printable(text));
      return this;
    } catch (XMLStreamException e) {
      throw failed(e);
    }
  }

  private void writeAttributes(String... attributes) throws XMLStreamException {
    for (int i = 0; i < attributes.length; i += 2) {
      xml.writeAttribute(attributes[i], printable(attributes[i + 1]));
    }
  }

  private static String printable(String text) {
    StringBuilder printable = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            c -> {
              boolean keeps =
                  c == '\n'
                      || (!Character.isISOControl(c)
                          && Character.getType(c) != Character.SURROGATE);
              printable.appendCodePoint(keeps ? c : '\ufffd');
            });
    return printable.toString();
  }

  private static IllegalStateException failed(XMLStreamException cause) {
    return new IllegalStateException("markup in memory cannot be written", cause);
  }
}
