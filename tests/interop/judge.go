// Judges our notes, proofs and tiles with Go's own golang.org/x/mod/sumdb/note and tlog.
// Reads one JSON document from standard input, writes one verdict for each case, and one for the tiles.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type document struct {
	VKey  string
	Cases []struct {
		Note        string
		Index       int64
		Entry       []byte
		Inclusion   [][]byte
		OldSize     int64
		OldRoot     []byte
		Consistency [][]byte
	}
	Head  string
	Tiles map[string][]byte
}

type verdict struct {
	Note, Inclusion, Consistency bool
}

func hash(raw []byte) (h tlog.Hash, ok bool) {
	ok = len(raw) == len(h)
	copy(h[:], raw)
	return
}

func hashes(raw [][]byte) (list []tlog.Hash, ok bool) {
	for _, one := range raw {
		h, good := hash(one)
		if !good {
			return nil, false
		}
		list = append(list, h)
	}
	return list, true
}

type tiles map[string][]byte

func (t tiles) Height() int                   { return 8 }
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t tiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, one := range want {
		// Go names tiles tile/8/L/N; C2SP leaves the height out
		data, ok := t[strings.TrimPrefix(one.Path(), "tile/8/")]
		if !ok {
			return nil, fmt.Errorf("no tile %s", one.Path())
		}
		out = append(out, data)
	}
	return out, nil
}

func main() {
	var doc document
	if err := json.NewDecoder(os.Stdin).Decode(&doc); err != nil {
		panic(err)
	}
	verifier, err := note.NewVerifier(doc.VKey)
	if err != nil {
		panic(err)
	}
	known := note.VerifierList(verifier)
	open := func(text string) (tlog.Tree, bool) {
		opened, err := note.Open([]byte(text), known)
		if err != nil {
			return tlog.Tree{}, false
		}
		// C2SP allows any origin line; Go's parser knows only its own
		_, rest, _ := strings.Cut(opened.Text, "\n")
		tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + rest))
		return tree, err == nil
	}
	var out struct {
		Cases []verdict
		Tiles bool
	}
	for _, one := range doc.Cases {
		var said verdict
		tree, ok := open(one.Note)
		said.Note = ok
		if path, good := hashes(one.Inclusion); ok && good {
			leaf := tlog.RecordHash(one.Entry)
			said.Inclusion = tlog.CheckRecord(tlog.RecordProof(path), tree.N, tree.Hash, one.Index, leaf) == nil
		}
		old, good := hash(one.OldRoot)
		if path, fine := hashes(one.Consistency); ok && good && fine {
			said.Consistency = tlog.CheckTree(tlog.TreeProof(path), tree.N, tree.Hash, one.OldSize, old) == nil
		}
		out.Cases = append(out.Cases, said)
	}
	if tree, ok := open(doc.Head); ok {
		reader := tlog.TileHashReader(tree, tiles(doc.Tiles))
		root, err := tlog.TreeHash(tree.N, reader)
		out.Tiles = err == nil && root == tree.Hash
		for _, one := range doc.Cases {
			path, err := tlog.ProveRecord(tree.N, one.Index, reader)
			leaf := tlog.RecordHash(one.Entry)
			if err != nil || tlog.CheckRecord(path, tree.N, tree.Hash, one.Index, leaf) != nil {
				out.Tiles = false
			}
		}
	}
	json.NewEncoder(os.Stdout).Encode(out)
}
