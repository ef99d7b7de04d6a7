/// How pages look: one column that becomes two for charts where there is room, light or dark as the reader has it.
enum StyleSheet {
  // Colours of series can be told apart by the colour-blind; the dashes, by everybody on paper.
  static let text: StaticString = """
    :root {
      --paper: #ffffff; --ink: #1b1f24; --faint: #5b6470; --rule: #d8dde3; --panel: #f5f7f9; --bad: #b3261e;
      --c0: #0067a8; --c1: #c8500a; --c2: #00825d; --c3: #a8467f; --c4: #8a6a00; --c5: #3f8fc4; --c6: #6b6b6b; --c7: #6f4bb0;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #14171a; --ink: #e6e9ec; --faint: #9aa4af; --rule: #343b42; --panel: #1d2226; --bad: #ff8a80;
        --c0: #58b0e8; --c1: #ff9a5c; --c2: #3fd0a4; --c3: #eb9ccb; --c4: #e3bd4a; --c5: #9ad4f7; --c6: #b5b5b5; --c7: #bda2ec;
      }
    }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
    main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 48px; }
    h1 { font-size: 26px; margin: 0 0 4px; overflow-wrap: anywhere; }
    h2 { font-size: 19px; margin: 36px 0 8px; border-bottom: 1px solid var(--rule); padding-bottom: 4px; overflow-wrap: anywhere; }
    h3 { font-size: 15px; margin: 20px 0 6px; }
    p { margin: 6px 0; max-width: 80ch; overflow-wrap: anywhere; }
    .faint, .nothing { color: var(--faint); max-width: none; }
    .bad { color: var(--bad); font-weight: 600; }
    .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(126px, 1fr)); gap: 10px; margin: 16px 0; }
    .tile { background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; padding: 10px 12px; }
    .tile b { display: block; font-size: 21px; font-weight: 600; font-variant-numeric: tabular-nums; }
    .tile span { color: var(--faint); font-size: 13px; }
    .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 470px), 1fr)); gap: 20px; margin: 14px 0; }
    figure { margin: 0; border: 1px solid var(--rule); border-radius: 6px; padding: 10px 12px; min-width: 0; }
    figcaption { font-weight: 600; margin-bottom: 4px; }
    figure > svg { display: block; width: 100%; height: auto; }
    .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 0 0 6px; padding: 0; font-size: 13px; }
    .legend li { overflow-wrap: anywhere; }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; margin: 8px 0; font-variant-numeric: tabular-nums; }
    th, td { padding: 3px 14px 3px 0; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
    th { color: var(--faint); font-weight: 500; }
    th:first-child, td:first-child, .words { text-align: left; }
    td.long, .settings td { white-space: normal; overflow-wrap: anywhere; text-align: left; }
    summary { cursor: pointer; font-weight: 600; padding: 6px 0; }
    details { border-bottom: 1px solid var(--rule); }
    pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--panel); border: 1px solid var(--rule);
      border-radius: 6px; padding: 8px 10px; font: 13px/1.4 ui-monospace, monospace; margin: 4px 0 14px; }
    footer { margin-top: 40px; font-size: 13px; color: var(--faint); }
    svg text { fill: var(--faint); font: 12px system-ui, sans-serif; }
    svg .label { fill: var(--ink); }
    .end { text-anchor: end; }
    .middle { text-anchor: middle; }
    .grid { stroke: var(--rule); fill: none; }
    .axis { stroke: var(--faint); fill: none; }
    .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
    .reference { stroke: var(--faint); stroke-width: 1.5; stroke-dasharray: 2 4; }
    .c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); stroke-dasharray: 7 3; }
    .c2 { stroke: var(--c2); stroke-dasharray: 2 2; } .c3 { stroke: var(--c3); stroke-dasharray: 9 3 2 3; }
    .c4 { stroke: var(--c4); stroke-dasharray: 14 3; } .c5 { stroke: var(--c5); stroke-dasharray: 4 4; }
    .c6 { stroke: var(--c6); stroke-dasharray: 1 4; } .c7 { stroke: var(--c7); stroke-dasharray: 9 2 2 2 2 2; }
    .dot, .bar { stroke: none; }
    .dot.c0, .bar.c0 { fill: var(--c0); } .dot.c1, .bar.c1 { fill: var(--c1); } .dot.c2, .bar.c2 { fill: var(--c2); }
    .dot.c3, .bar.c3 { fill: var(--c3); } .dot.c4, .bar.c4 { fill: var(--c4); } .dot.c5, .bar.c5 { fill: var(--c5); }
    .dot.c6, .bar.c6 { fill: var(--c6); } .dot.c7, .bar.c7 { fill: var(--c7); }
    .bar.c1 { fill-opacity: 0.55; }
    @media print { figure { break-inside: avoid; } }

    """
}
