// Contrast of every text by WCAG's formula (1.4.3), over the colours that lie under it.
() => {
  const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const lum = (c) => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { const stack = [];
    for (let at = e; at; at = at.parentElement) { const s = getComputedStyle(at);
      if (at.tagName !== 'text' && s.backgroundColor) { const c = parse(s.backgroundColor); if (c[3] > 0) stack.push(c); if (c[3] === 1) break; }
      if (at.tagName === 'svg') { const paper = at.querySelector('.lf-paper'); if (paper) { stack.push(parse(getComputedStyle(paper).fill)); break; } } }
    return stack.reverse().reduce((under, c) => over(c, under), [255, 255, 255, 1]); };
  const low = new Map();
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest('.sr,.skip,title,desc,option,script,style')) continue;
    const s = getComputedStyle(e), back = ground(e), ink = over(parse(e.tagName === 'text' ? s.fill : s.color), back);
    const [a, b] = [lum(ink), lum(back)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(s.fontSize), large = size >= 24 || (size >= 18.66 && +s.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) low.set(e.tagName + '.' + (e.getAttribute('class') || '') + ' ' + ratio.toFixed(2), e.textContent.trim().slice(0, 30));
  }
  return [...low].map(([what, text]) => 'contrast ' + what + ': ' + text);
}
