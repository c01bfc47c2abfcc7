// From a raw e-mail to the words a person would read: no headers, markup, list footer, feed header.
// Deliberately simple; samples/spam/README.md says what it does not handle.

/** Body text of an RFC 822 message. Prefers a plain-text part to an HTML one. */
export function emailText(message) {
  const { head, body } = splitEntity(message.replace(/\r\n?/g, '\n'));
  return tidy(withoutFeedHeader(withoutListFooter(entityText(head, body))));
}

/** Headers end at the first empty line; folded header lines are joined. */
function splitEntity(entity) {
  const end = entity.startsWith('\n') ? 0 : entity.indexOf('\n\n');
  if (end < 0) return { head: '', body: entity };
  return { head: entity.slice(0, end).replace(/\n[ \t]+/g, ' '), body: entity.slice(end + 1) };
}

function entityText(head, body) {
  const type = header(head, 'content-type') || 'text/plain';
  const boundary = /boundary\s*=\s*(?:"([^"]+)"|([^\s;]+))/i.exec(type);
  if (/^multipart\//i.test(type) && boundary) return multipartText(boundary[1] ?? boundary[2], body);
  if (!/^text\//i.test(type)) return ''; // an attachment
  const text = decode(body, header(head, 'content-transfer-encoding'), type);
  const looksLikeHtml = /^text\/html/i.test(type) || /<html|<body|<table/i.test(text);
  return looksLikeHtml ? htmlText(text) : text;
}

/** The longest text of the plain parts if there is one, else of all parts. */
function multipartText(boundary, body) {
  const parts = body
    .split(`--${boundary}`)
    .slice(1)
    .map((part) => splitEntity(part.replace(/^[ \t]*\n/, '')))
    .map(({ head, body: own }) => ({
      plain: !/^text\/html/i.test(header(head, 'content-type') || 'text/plain'),
      text: entityText(head, own),
    }))
    .filter(({ text }) => text.trim() !== '');
  const plain = parts.filter((part) => part.plain);
  const texts = (plain.length > 0 ? plain : parts).map((part) => part.text);
  return texts.sort((left, right) => right.length - left.length)[0] ?? '';
}

function header(head, name) {
  return new RegExp(`^${name}:\\s*(.*)$`, 'im').exec(head)?.[1]?.trim() ?? '';
}

function decode(body, encoding, type) {
  if (/base64/i.test(encoding)) return bytesToText(Buffer.from(body, 'base64'), type);
  if (!/quoted-printable/i.test(encoding)) return body;
  const raw = body
    .replace(/=[ \t]*\n/g, '')
    .replace(/=([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  // A message can hold characters beyond Latin-1 although it says quoted-printable.
  return /[^\0-\xff]/.test(raw) ? raw : bytesToText(Buffer.from(raw, 'latin1'), type);
}

/** The named character set if this Node knows it, else Windows-1252, which never fails. */
function bytesToText(bytes, type) {
  const charset = /charset\s*=\s*"?([\w.:-]+)/i.exec(type)?.[1] ?? 'windows-1252';
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch (error) {
    if (error instanceof RangeError) return new TextDecoder('windows-1252').decode(bytes);
    throw error;
  }
}

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', copy: '©' };

function htmlText(html) {
  return html
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/<(script|style|title)\b[\s\S]*?<\/\1\s*>/gi, ' ')
    .replace(/<\/?(b|i|u|em|strong|font|span|a|big|small)\b[^>]*>/gi, '') // may split a word
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#(\d{1,5});/g, (_, code) => String.fromCodePoint(Number(code)))
    .replace(/&([a-z]+);?/gi, (whole, name) => ENTITIES[name.toLowerCase()] ?? whole);
}

/** Mailing lists append a rule of underscores and an address: that would betray the class. */
function withoutListFooter(text) {
  const lines = text.trimEnd().split('\n');
  const rule = lines.findLastIndex((line) => /^_{30,}\s*$|^-{55,}\s*$/.test(line));
  return rule > 0 && lines.length - rule <= 12 ? lines.slice(0, rule).join('\n') : lines.join('\n');
}

/** Feeds delivered by mail begin with an address and a date, and hold image marks: ham only. */
function withoutFeedHeader(text) {
  return text.replace(/^\s*URL: \S+\s+Date: .*/, '').replace(/\[IMG: .*\]/g, '');
}

function tidy(text) {
  return text
    .replace(/[\p{Cc}\p{Cf}\uFFFD]/gu, ' ') // the package lost some 8-bit characters: U+FFFD
    .replace(/\s+/g, ' ')
    .trim();
}
