// Names, target sizes, headings, ids, reflow; returns what is wrong, in words.
() => {
  const problems = [];
  const shown = (e) => { const s = getComputedStyle(e), r = e.getBoundingClientRect();
    return s.visibility !== 'hidden' && s.display !== 'none' && r.width > 1 && r.height > 1 && e.checkVisibility(); };
  const name = (e) => (e.getAttribute('aria-label')
    || (e.getAttribute('aria-labelledby') || '').split(/\s+/).map(i => i && document.getElementById(i)?.textContent).join(' ')
    || [...(e.labels || [])].map(l => [...l.childNodes].filter(n => n !== e && !(n.contains && n.contains(e) && n.tagName === 'SELECT'))
         .map(n => n.tagName === 'SELECT' ? '' : n.textContent).join('')).join(' ')
    || (['BUTTON', 'A', 'SUMMARY'].includes(e.tagName) ? e.textContent + [...e.querySelectorAll('img')].map(i => i.alt).join('') : '')
    || e.getAttribute('title') || '').trim();
  for (const e of document.querySelectorAll('input:not([type=hidden]),select,textarea,button,a[href],summary')) {
    if (!name(e)) problems.push('no name: ' + e.outerHTML.slice(0, 120));
    const r = e.getBoundingClientRect();
    const inline = e.tagName === 'A' && getComputedStyle(e).display === 'inline';
    if (shown(e) && !inline && !e.closest('.skip') && (r.height < 19.5 || r.width < 19.5))
      problems.push('small target ' + Math.round(r.width) + 'x' + Math.round(r.height) + ': ' + e.outerHTML.slice(0, 90));
  }
  for (const e of document.querySelectorAll('img:not([alt])')) problems.push('img without alt: ' + e.outerHTML.slice(0, 90));
  for (const e of document.querySelectorAll('svg')) if (e.getAttribute('role') === 'img' && !e.querySelector('title')?.textContent) problems.push('chart without a title');
  const levels = [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].filter(shown).map(h => +h.tagName[1]);
  if (levels.filter(l => l === 1).length !== 1) problems.push('h1 count ' + levels.filter(l => l === 1).length);
  levels.forEach((l, i) => { if (i && l > levels[i - 1] + 1) problems.push('heading jumps from ' + levels[i - 1] + ' to ' + l); });
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  ids.filter((id, i) => ids.indexOf(id) !== i).forEach(id => problems.push('id twice: ' + id));
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) {
    const out = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
      && !e.closest('.wide') && !e.closest('pre')).slice(0, 3).map(e => e.outerHTML.slice(0, 100));
    problems.push('page is ' + wide + ' px too wide: ' + out.join(' | '));
  }
  for (const e of document.querySelectorAll('table')) if (!e.closest('.wide')) problems.push('a table outside a box of its own');
  return problems;
}
