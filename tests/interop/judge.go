// Judges our notes, cosignatures, proofs, tiles and entry bundles with Go's own golang.org/x/mod/sumdb/note and tlog
// (and crypto/ed25519 for C2SP cosignature/v1, which sumdb/note does not know).
// Reads one JSON document from standard input, writes one verdict for each case, for the tiles, and for each mutant tile.
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type document struct {
	VKey    string
	Witness string
	Cases []struct {
		Note        string
		Index       int64
		Entry       []byte
		Inclusion   [][]byte
		OldSize     int64
		OldRoot     []byte
		Consistency [][]byte
	}
	Head    string
	Tiles   map[string][]byte
	Bundles map[string][]byte
	Mutants []struct {
		Name  string
		Data  []byte
		Index int64
		Entry []byte
	}
}

type verdict struct {
	Note, Cosigned, Inclusion, Consistency bool
}

// cosigner verifies C2SP cosignature/v1 lines.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newCosigner(vkey string) (c cosigner) {
	parts := strings.SplitN(vkey, "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	hash, err2 := strconv.ParseUint(parts[1], 16, 32)
	if err != nil || err2 != nil || len(raw) != 33 || raw[0] != 4 {
		panic("no witness key")
	}
	return cosigner{parts[0], uint32(hash), ed25519.PublicKey(raw[1:])}
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 72 {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))
	return ed25519.Verify(c.key, append([]byte(head), msg...), sig[8:])
}

// bundled says whether each entry of a bundle has its hash in the tile of level 0.
func bundled(bundle, tile []byte) bool {
	for len(bundle) >= 2 {
		size := int(binary.BigEndian.Uint16(bundle))
		if len(bundle) < 2+size || len(tile) < tlog.HashSize {
			return false
		}
		hash := tlog.RecordHash(bundle[2 : 2+size])
		if !bytes.Equal(hash[:], tile[:tlog.HashSize]) {
			return false
		}
		bundle, tile = bundle[2+size:], tile[tlog.HashSize:]
	}
	return len(bundle) == 0 && len(tile) == 0
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

// fold is the hash over a full tile.
func fold(data []byte) (h tlog.Hash) {
	if len(data) == tlog.HashSize {
		copy(h[:], data)
		return
	}
	half := len(data) / 2
	return tlog.NodeHash(fold(data[:half]), fold(data[half:]))
}

// linked says whether a tile has the length of its name and, if full, its hash in the tile above it. Go 1.19's
// TileHashReader does not look at every tile that it was given when the tree's right edge has many subtrees.
func linked(tiles map[string][]byte, name string) bool {
	tile, err := tlog.ParseTilePath("tile/8/" + name)
	if err != nil || len(tiles[name]) != tile.W*tlog.HashSize {
		return false
	}
	if tile.W < 256 {
		return true
	}
	hash := fold(tiles[name])
	above := tlog.Tile{H: 8, L: tile.L + 1, N: tile.N / 256, W: 256}
	for ; above.W > 0; above.W-- {
		if parent, ok := tiles[strings.TrimPrefix(above.Path(), "tile/8/")]; ok {
			at := int(tile.N%256) * tlog.HashSize
			return len(parent) >= at+tlog.HashSize && bytes.Equal(parent[at:at+tlog.HashSize], hash[:])
		}
	}
	return false
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
	witness := note.VerifierList(newCosigner(doc.Witness))
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
		Cases   []verdict
		Tiles   bool
		Bundles bool
		Mutants []bool
	}
	for _, one := range doc.Cases {
		var said verdict
		tree, ok := open(one.Note)
		said.Note = ok
		_, err := note.Open([]byte(one.Note), witness)
		said.Cosigned = err == nil
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
		out.Bundles = len(doc.Bundles) > 0
		for name, bundle := range doc.Bundles {
			out.Bundles = out.Bundles && bundled(bundle, doc.Tiles["0/"+name])
		}
		for _, one := range doc.Mutants {
			sound := doc.Tiles[one.Name]
			doc.Tiles[one.Name] = one.Data
			root, err := tlog.TreeHash(tree.N, reader)
			sane := err == nil && root == tree.Hash && linked(doc.Tiles, one.Name)
			path, err := tlog.ProveRecord(tree.N, one.Index, reader)
			leaf := tlog.RecordHash(one.Entry)
			sane = sane && err == nil && tlog.CheckRecord(path, tree.N, tree.Hash, one.Index, leaf) == nil
			out.Mutants = append(out.Mutants, sane)
			doc.Tiles[one.Name] = sound
		}
	}
	json.NewEncoder(os.Stdout).Encode(out)
}
