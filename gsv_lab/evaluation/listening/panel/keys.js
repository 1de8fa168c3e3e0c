// A panel without a mouse: space plays, digits answer or choose a clip, Enter goes on; arrows are the sliders' own.

function pressed(panel, event) {
  if (panel.root.dataset.stage !== "page" || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === " ") {
    event.preventDefault(); // also when it is let go, which would press a button
    if (event.type === "keydown" && !event.repeat) playCurrent(panel);
  } else if (event.type === "keydown" && event.key === "Enter") {
    const focused = event.target.closest("button");
    if (focused && focused.getAttribute("aria-pressed") !== "true") return; // the button itself is meant
    event.preventDefault();
    panel.leave();
  } else if (event.type === "keydown" && /^[0-9]$/.test(event.key)) {
    event.preventDefault();
    if (panel.rows.length) choose(panel, Number(event.key));
    else answer(panel, Number(event.key));
  }
}

function answer(panel, number) {
  const choice = panel.test.scale.choices[number - 1];
  if (choice) panel.session.say("answer", null, choice.value);
}

// With sliders: play a clip, or the reference for 0, and take its slider.
function choose(panel, number) {
  const reference = panel.players.find((player) => panel.rows.every((row) => row.player !== player));
  const player = number ? panel.rows[number - 1]?.player : reference;
  if (!player) return;
  panel.current = player;
  if (!player.playing) player.toggle();
  panel.row(player)?.slider.focus();
}

function playCurrent({ players, current }) {
  const found = players.find((one) => one.playing) ?? players.find((one) => !one.heard) ?? current ?? players[0];
  found.toggle();
}
